/* archives.h - what the commands that write and read archives have in common. */
#pragma once
#include "../carrier.h"
#include "../image/documents.h"
#include "../image/reference.h"
#include "str.h"

/* struct output_file - where an archive goes: a file that appears under its name when it is complete, or standard output */
struct output_file {
	const char *path;	/* NULL: standard output */
	char *temporary;	/* NULL: there is none, the file is no ordinary one */
	int fd;
};
#define OUTPUT_FILE_NONE { .fd = -1 }
/* output_open - "" and "-" are standard output, too, which must not be a terminal: -EINVAL with a sentence */
int output_open(const char *path, struct output_file *ret, struct error *err);
/* output_finish - the file gets its name */
int output_finish(struct output_file *o, struct error *err);
/* output_drop - what was not finished is removed */
void output_drop(struct output_file *o);
#define cleanup_output __attribute__((cleanup(output_drop)))

/* input_open - standard input ("-" or NULL; no terminal), or a file; @what is for the sentence: "an archive" */
int input_open(const char *path, const char *what, struct error *err);

/* new_name - @word as the canonical name that an image is to get; one with a digest is refused. Adds to @ret */
int new_name(const char *word, struct strings *ret, struct error *err);

/* compression_parse - --compression's @word (NULL: gzip) and --compression-level; -EINVAL with a sentence */
int compression_parse(const char *word, int64_t level, enum layer_compression *ret, struct error *err);

/* show_id - the id of an image that was made: printed, and written to @iidfile (NULL: none). Return: the exit code */
int show_id(const char *id, bool quiet, const char *iidfile);
