#include "log_journal.h"
#include "cleanup.h"
#include "log_writer.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { PATIENCE_MS = 1000 };

static const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };

struct log_journal {
	int fd;
	char *fields;			/* of every line */
	struct buf packet;
	uint64_t lost;
};

int log_journal_check(struct error *err)
{
	if (access(at.sun_path, W_OK) == 0)
		return 0;
	(void) error_set(err, errno, "--log-driver journald: '%s'", at.sun_path);
	return error_hint(err, "where there is no systemd-journald, take json-file or k8s-file");
}

char *log_tag(const char *tag, const struct container *c)
{
	const struct record *r = &c->record;
	cleanup_free char *id = xstrndup(r->id, 12);
	const struct { const char *word, *value; } words[] = {
		{ "{{.ID}}", id }, { "{{.FullID}}", r->id }, { "{{.Name}}", r->name }, { "{{.ImageName}}", r->image ? r->image : "" },
	};
	struct buf b = { 0 };
	for (const char *p = tag ? tag : "{{.ID}}"; *p;) {
		const char *rest = NULL;
		for (size_t i = 0; !rest && i < sizeof words / sizeof *words; i++)
			if ((rest = str_after(p, words[i].word)))
				buf_puts(&b, words[i].value);
		if (!rest)
			buf_putc(&b, *p);
		p = rest ? rest : p + 1;
	}
	return buf_take(&b);
}

int log_journal_open(const struct container *c, struct log_journal **ret, struct error *err)
{
	const struct record *r = &c->record;
	cleanup_free char *tag = log_tag(r->life.log.tag, c);
	struct buf b = { 0 };
	int r_check = log_journal_check(err);
	if (r_check < 0)
		return r_check;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "make a socket");
	(void) connect(fd, (const struct sockaddr *) &at, sizeof at);	/* again when it is sent to; poll(2) wants a peer */
	tag[strcspn(tag, "\n")] = 0;
	buf_printf(&b, "CONTAINER_ID=%.12s\nCONTAINER_ID_FULL=%s\nCONTAINER_NAME=%s\nCONTAINER_TAG=%s\nSYSLOG_IDENTIFIER=%s\n", r->id, r->id,
		   r->name, tag, tag);
	if (r->image)
		buf_printf(&b, "IMAGE_NAME=%s\n", r->image);
	struct log_journal *j = xcalloc(1, sizeof *j);
	*j = (struct log_journal) { .fd = fd, .fields = buf_take(&b) };
	*ret = j;
	return 0;
}

/* send_packet - 0, or -errno after a second at most */
static int send_packet(struct log_journal *j)
{
	bool waited = false, old = true;
	for (;;) {
		if (send(j->fd, j->packet.data, j->packet.len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		struct pollfd p = { .fd = j->fd, .events = POLLOUT };
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN && !waited && poll(&p, 1, PATIENCE_MS) > 0)
			waited = true;
		else if (errno != EAGAIN && old && connect(j->fd, (const struct sockaddr *) &at, sizeof at) == 0)
			old = false;	/* it was started anew */
		else
			return -EAGAIN;
	}
}

static void put(struct log_journal *j, int priority, const char *text, size_t len, bool partial)
{
	uint64_t left = len;
	struct buf *b = &j->packet;
	b->len = 0;
	buf_printf(b, "PRIORITY=%d\n%s%s", priority, partial ? "CONTAINER_PARTIAL_MESSAGE=true\n" : "", j->fields);
	buf_puts(b, "MESSAGE\n");
	for (int i = 0; i < 8; i++, left >>= 8)
		buf_putc(b, (char) (left & 0xff));
	buf_add(b, text, len);
	buf_putc(b, '\n');
}

void log_journal_send(struct log_journal *j, int stream, const char *text, size_t len, bool partial)
{
	if (j->lost) {
		char words[80];
		int n = snprintf(words, sizeof words, "%llu lines were lost here: journald did not take them", (unsigned long long) j->lost);
		put(j, 4, words, (size_t) n, false);
		if (send_packet(j) == 0)
			j->lost = 0;
	}
	put(j, stream == OUTPUT_STDOUT ? 6 : 3, text, len, partial);
	if (send_packet(j) < 0)
		j->lost++;
}

void log_journal_close(struct log_journal *j)
{
	if (!j)
		return;
	close_fd(&j->fd);
	buf_done(&j->packet);
	free(j->fields);
	free(j);
}
