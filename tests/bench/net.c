/* net.c - what iperf3 does not measure: how long a byte's way there and back takes, and how many connections a second can be made.
 *
 *	net serve PORT			echoes, one connection after the other
 *	net latency HOST PORT N		prints the median of N ways there and back over one connection, in microseconds
 *	net connections HOST PORT N	prints how many were made a second, of N, each with one byte there and back
 *
 * Both do so ten times and print the best: a virtual processor that its host has put to sleep is woken in 300 microseconds, for as long as the host
 * likes, and that says nothing of the way. HOST is an address. */
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static struct addrinfo *find(const char *host, const char *port)
{
	const struct addrinfo wanted = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | (host ? 0 : AI_PASSIVE), .ai_socktype = SOCK_STREAM,
					 .ai_family = host ? AF_UNSPEC : AF_INET6 };
	struct addrinfo *found;
	int r = getaddrinfo(host, port, &wanted, &found);
	if (r) {
		fprintf(stderr, "%s %s: %s\n", host ? host : "", port, gai_strerror(r));
		exit(1);
	}
	return found;
}

static int reach(const struct addrinfo *to)
{
	int on = 1, fd = socket(to->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static void there_and_back(int fd)
{
	char byte = 'x';
	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		fail("there and back");
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;
	return (x > y) - (x < y);
}

static _Noreturn void serve(const char *port)
{
	const struct addrinfo *at = find(NULL, port);
	int on = 1, fd = socket(at->ai_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, 128) < 0)
		fail("listen");
	for (;;) {
		char byte;
		int one = accept(fd, NULL, NULL);
		setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		while (read(one, &byte, 1) == 1 && write(one, &byte, 1) == 1)
			;
		close(one);
	}
}

enum { TIMES = 10 };

static double latency(const struct addrinfo *to, int n)
{
	double *times = calloc((size_t) n + 1, sizeof *times), best = 1e9;
	int fd = reach(to);
	for (int k = 0; k < TIMES; k++) {
		for (int i = 0; i <= n; i++) {
			double begin = now_us();
			there_and_back(fd);
			times[i] = now_us() - begin;
		}
		qsort(times, (size_t) n + 1, sizeof *times, by_size);
		best = times[n / 2] < best ? times[n / 2] : best;
	}
	return best;
}

static double connections(const struct addrinfo *to, int n)
{
	double best = 0;
	for (int k = 0; k < TIMES; k++) {
		double begin = now_us();
		for (int i = 0; i < n; i++) {
			int fd = reach(to);
			there_and_back(fd);
			close(fd);
		}
		double rate = n / ((now_us() - begin) / 1e6);
		best = rate > best ? rate : best;
	}
	return best;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	if (argc != 5)
		return 2;
	const struct addrinfo *to = find(argv[2], argv[3]);
	int n = atoi(argv[4]);
	if (strcmp(argv[1], "latency") == 0)
		printf("%.1f\n", latency(to, n));
	else
		printf("%.0f\n", connections(to, n));
	return 0;
}
