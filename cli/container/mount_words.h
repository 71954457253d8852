/* mount_words.h - the words of --volume, --mount, --tmpfs and --secret, as docker and podman have them. Pure; @pool owns what @ret receives. */
#pragma once
#include "mounts.h"

/* [SOURCE:]DIR[:OPTION,...]: a source that begins with / or . is the host's, any other a volume's name */
int mount_parse_volume(const char *word, struct pool *pool, struct record_mount *ret, struct error *err);
/* KEY[=VALUE],...; a field with commas in it is written in double quotes */
int mount_parse_mount(const char *word, struct pool *pool, struct record_mount *ret, struct error *err);
/* DIR[:OPTION,...] */
int mount_parse_tmpfs(const char *word, struct pool *pool, struct record_mount *ret, struct error *err);
/* CONTAINER[:ro|rw|z|Z]; @read_only: it was said */
int mount_parse_from(const char *word, struct pool *pool, char **container, bool *read_only, struct error *err);
/* NAME[,type=mount|env][,target=...][,uid=,gid=,mode=] */
int mount_parse_secret(const char *word, struct pool *pool, struct record_secret *ret, struct error *err);

/* mount_read_only - make its options say so (recursively, where it is a bind that is) */
void mount_read_only(struct record_mount *m, struct pool *pool);
