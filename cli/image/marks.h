/* marks.h - what images and containers need of a store (collect.h). */
#pragma once
#include "store.h"

/* hex digests, sorted after marks_make() */
struct marks { struct strings blobs, layers, chains, manifests; };
void marks_done(struct marks *m);
#define cleanup_marks __attribute__((cleanup(marks_done)))

/* marks_make - of everything that the index, the records of containers and unfinished pulls (unfinished.h) name. What is named
 * and cannot be read is passed over: what depends on it is of no use to anybody. */
int marks_make(const struct store *s, struct marks *m, struct error *err);
/* marks_await - containers that are being removed (--rm, after the exit code has been told) still need their layers: wait until they are gone, 10
 * seconds at most. Nothing may be held that they need. */
void marks_await(const struct store *s);
/* marks_image - add what the manifest @digest needs; unsorted */
void marks_image(const struct store *s, struct marks *m, const char *digest);
void marks_sort(struct marks *m);
bool marks_have(const struct strings *list, const char *hex);
