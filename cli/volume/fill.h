/* fill.h - a volume that is empty gets what the image has where it is mounted for the first time, as docker's does.
 *
 * Theory of operation. Files are copied to fill.new/ beside the volume's _data, which becomes fill/ when it is whole; then _data gets the owner
 * and mode of the image's directory, and the entries of fill/ are renamed into it, one by one. Who is killed before leaves a fill.new/ that
 * is thrown away; who is killed after that leaves a fill/, and the next one that mounts the volume goes on. So no file is ever seen in part,
 * and nothing that a container wrote meanwhile is replaced. All of it under the lock of the volume's directory.
 */
#pragma once
#include "error.h"
#include <stdbool.h>

/* volume_fill - go on with what another has begun; then, with @from_fd (the image's directory, O_RDONLY; -1: none), fill the volume unless
 * something is in it. @data: the path of its _data. For who may own files of all ids. Return: 1 when it was filled, 0 */
int volume_fill(const char *data, int from_fd, struct error *err);
