#include "../../cli/fetch/response.h"
#include "cleanup.h"
#include "mem.h"
#include "tap.h"
#include <string.h>

static struct response r;

static void header(const char *line)
{
	char *copy = xstrdup(line);
	OK(response_header(copy, 1, strlen(copy), &r) == strlen(line));
	free(copy);
}

static void test_upload_headers(void)
{
	header("HTTP/1.1 202 Accepted\r\n");
	OK(r.sent_end == -1 && r.location == NULL);
	header("Location: /v2/a/blobs/uploads/1?_state=x%2F \r\n");
	OK_STR(r.location, "/v2/a/blobs/uploads/1?_state=x%2F");
	header("range: 0-99\r\n");
	OK(r.sent_end == 99);
	header("HTTP/1.1 204 No Content\r\n");
	OK(r.sent_end == -1 && r.location == NULL);
	header("Range: bytes=0-0\r\n");
	OK(r.sent_end == 0);
	header("LOCATION: https://b/\r\n");
	header("Location: https://c/\r\n");
	OK_STR(r.location, "https://c/");
}

static void test_bad_upload_headers(void)
{
	static const char *const bad[] = { "Range: 5-9\r\n", "Range: 0-\r\n", "Range: -1\r\n", "Range: x\r\n", "Range:\r\n", "Range: 0--5\r\n",
					   "Range: 0-9223372036854775807\r\n", "Range: 0-99999999999999999999999\r\n", "Range 0-5\r\n" };
	header("HTTP/1.1 202 Accepted\r\n");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		header(bad[i]);
		OK(r.sent_end == -1);
	}
	header("Location: http://a/\x01\x1b[2J\r\n");
	OK_STR(r.location, "http://a/??[2J");
	cleanup_free char *longest = xmalloc(20000);
	memset(longest, 'a', 19999);
	longest[19999] = 0;
	memcpy(longest, "Location: ", 10);
	header(longest);	/* left out */
	OK_STR(r.location, "http://a/??[2J");
	longest[12000] = 0;
	header(longest);
	OK(strlen(r.location) == 8192);
}

static void test_others(void)
{
	header("HTTP/2 206\r\n");
	header("Content-Range: bytes 5-9/10\r\n");
	OK(r.range_start == 5 && r.range_total == 10 && r.sent_end == -1);
	header("Docker-Content-Digest: sha256:ab\r\n");
	OK_STR(r.digest, "sha256:ab");
	header("WWW-Authenticate: Basic realm=\"x\"\r\n");
	OK(r.challenges.n == 1);
	response_done(&r);
	OK(r.digest == NULL && r.challenges.n == 0);
}

int main(void)
{
	response_done(&r);
	test_upload_headers();
	test_bad_upload_headers();
	test_others();
	response_done(&r);
	return tap_done();
}
