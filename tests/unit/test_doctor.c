/* The pure parts of doctor: what the lines of /etc/subuid and cgroup.controllers say. */
#include "../../cli/doctor/doctor.h"
#include "cleanup.h"
#include "str.h"
#include "tap.h"

static const char passwd[] = "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\nsvc:x:70000:70000::/:/bin/sh\n";

static void test_subids(void)
{
	static const struct { const char *text, *want; uint64_t ids; bool bad; } cases[] = {
		{ "ann:100000:65536\n", NULL, 65536, false },
		{ "ann:100000:65536", NULL, 65536, false },
		{ "# comment\n1000:100000:65536\nbob:200000:65536\n", NULL, 65536, false },
		{ "ann:100000:32768\nann:200000:32768\n", NULL, 65536, false },
		{ "", "ann has none in FILE", 0, false },
		{ "bob:100000:65536\n", "ann has none in FILE", 0, false },
		{ "ann:100000:0\n", "ann has none in FILE", 0, false },
		{ "ann:100000:1000\n", "ann has only 1000 in FILE: images with ids above that cannot be unpacked (65536 are usual)", 1000, false },
		{ "ann:100000:65536\nbob:165535:65536\n", "ann's ids 100000 to 165535 of FILE are also the subordinate ids of bob (165535 to 231070): "
			"each can change the other's files", 65536, true },
		{ "ann:100000:65536\nbob:165536:65536\n", NULL, 65536, false },
		{ "ann:60000:65536\n", "ann's ids 60000 to 125535 of FILE are also svc (70000): each can change the other's files", 65536, true },
		{ "ann:100000:65536\nbroken\n", "1 line of FILE is not NAME:FIRST:COUNT, and is left out", 65536, false },
		{ "ann:100000:65536\nann:x:5\nann:1:99999999999\n", "2 lines of FILE are not NAME:FIRST:COUNT, and are left out", 65536, false },
		{ "ann:4294967290:65536\n", "ann has none in FILE", 0, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t ids = 99;
		bool bad = true;
		cleanup_free char *said = subids_judge("FILE", cases[i].text, passwd, "ann", 1000, &ids, &bad);
		OK_STR(said ? said : "", cases[i].want ? cases[i].want : "");
		OK(ids == cases[i].ids && bad == cases[i].bad);
	}
}

static void test_controllers(void)
{
	static const struct { const char *have, *wanted, *missing; } cases[] = {
		{ "cpuset cpu io memory pids\n", "cpu cpuset io memory pids", NULL },
		{ "memory pids\n", "cpu cpuset io memory pids", "cpu cpuset io" },
		{ "", "cpu pids", "cpu pids" },
		{ "cpuset", "cpu", "cpu" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cleanup_free char *missing = controllers_missing(cases[i].have, cases[i].wanted);
		OK_STR(missing ? missing : "", cases[i].missing ? cases[i].missing : "");
		OK(!missing == !cases[i].missing);
	}
}

static void test_levels(void)
{
	static const struct doctor_check check = { "CD9901", "a thing", NULL };
	struct doctor d CLEANUP(doctor_done) = { .now = &check };
	struct error err = { 0 };
	doctor_ok(&d, "well, %d", 1);
	doctor_more(&d, "more", "well");
	doctor_warn(&d, "do it", "so so");
	doctor_fixed(&d, "gone");
	(void) error_say(&err, EPERM, "it is so; and because of that; do this");
	doctor_error(&d, true, &err);
	(void) error_say(&err, EPERM, "it is so");
	doctor_error(&d, false, &err);
	OK(d.n == 6 && doctor_count(&d, "ok") == 3 && doctor_count(&d, "warn") == 2 && doctor_count(&d, "bad") == 1);
	OK_STR(d.list[0].text, "well, 1");
	OK(!d.list[0].remedy && !d.list[0].fixed && d.list[3].fixed);
	OK_STR(d.list[1].remedy, "more");
	OK_STR(d.list[4].text, "it is so; and because of that");
	OK_STR(d.list[4].remedy, "do this");
	OK_STR(d.list[5].text, "it is so");
	OK(!d.list[5].remedy);
}

/* every code once, in order, and each of its file's group */
static void test_codes(void)
{
	const struct doctor_check *const tables[] = { doctor_users, doctor_devices, doctor_sessions, doctor_networks, doctor_places,
		doctor_filesystems, doctor_kernel, doctor_leftovers };
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const char *before = "";
		for (const struct doctor_check *c = tables[i]; c->code; c++) {
			int group = 0, number = 0;
			OK(strlen(c->code) == 6 && sscanf(c->code, "CD%2d%2d", &group, &number) == 2 && group == (int) i + 1 && number > 0);
			OK(strcmp(before, c->code) < 0 && c->name && c->look);
			before = c->code;
		}
	}
}

int main(void)
{
	test_subids();
	test_controllers();
	test_levels();
	test_codes();
	return tap_done();
}
