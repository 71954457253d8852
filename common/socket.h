/* socket.h - packets between processes of one machine, with an fd passed along. unix(7) SCM_RIGHTS. */
#pragma once
#include "error.h"
#include <sys/types.h>

/* socket_connect - to the UNIX stream socket @path. It may be longer than a socket's address: then its directory is opened,
 * and only the last name is limited.
 * @what: for the error: "connect to the console socket '/x'"
 * Return: an fd (close-on-exec) that the caller closes, or a negative errno */
int socket_connect(const char *path, const char *what, struct error *err);

/* socket_send - one packet (SOCK_SEQPACKET) or all bytes (SOCK_STREAM, small), with @fd attached unless it is -1; -errno */
int socket_send(int socket, const void *data, size_t len, int fd);

/* socket_receive - one packet of at most @size bytes; an attached fd (close-on-exec) goes to @ret_fd when that is not NULL,
 * else it is closed. Return: its length, 0 at the end, -EMSGSIZE when it was larger, or -errno */
ssize_t socket_receive(int socket, void *data, size_t size, int *ret_fd);
