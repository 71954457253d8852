#include "../../woody/mount_options.h"
#include "tap.h"
#include <stdlib.h>
#include <sys/mount.h>

#define PARSE(...) parse((const char *[]) { __VA_ARGS__, NULL })

static struct mount_options parse(const char **words)
{
	struct mount_options o;
	struct error err = { 0 };
	OK(mount_options_parse((char *const *) words, &o, &err) == 0);
	return o;
}

static void test_empty(void)
{
	struct mount_options o = { .bind = true };
	OK(mount_options_parse(NULL, &o, NULL) == 0);
	OK(!o.bind && !o.flags && !o.cleared && !o.propagation && !o.data.len);
	o = PARSE("", "defaults");
	OK(!o.flags && !o.cleared && !o.data.len);
	mount_options_done(&o);
}

static void test_flags(void)
{
	struct mount_options o = PARSE("nosuid", "ro", "noexec", "nosymfollow");
	OK(o.flags == (MS_NOSUID | MS_RDONLY | MS_NOEXEC | 256));
	OK(o.cleared == 0);
	o = PARSE("rw", "dev", "suid", "exec", "symfollow", "atime", "diratime", "async");
	OK(o.flags == 0);
	OK(o.cleared == (MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC | 256 | MS_NOATIME | MS_NODIRATIME |
			 MS_SYNCHRONOUS));
	/* the last one counts */
	o = PARSE("ro", "rw");
	OK(o.flags == 0 && o.cleared == MS_RDONLY);
	o = PARSE("rw", "ro");
	OK(o.flags == MS_RDONLY && o.cleared == 0);
	o = PARSE("noatime", "strictatime");
	OK(o.flags == MS_STRICTATIME);
	o = PARSE("strictatime", "relatime", "nodiratime");
	OK(o.flags == (MS_RELATIME | MS_NODIRATIME));
	o = PARSE("relatime", "norelatime");
	OK(o.flags == 0 && o.cleared == MS_RELATIME);
	o = PARSE("remount", "sync", "dirsync", "mand", "lazytime", "iversion", "silent");
	OK(o.flags == (unsigned long) (MS_REMOUNT | MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME |
				       MS_I_VERSION | MS_SILENT));
	/* words are whole and exact */
	o = PARSE("RO", "r");
	OK(o.flags == 0);
	OK_STR(buf_str(&o.data), "RO,r");
	mount_options_done(&o);
}

static void test_words(void)
{
	struct mount_options o = PARSE("bind");
	OK(o.bind && !o.recursive && !o.flags);
	o = PARSE("rbind", "rprivate", "tmpcopyup", "copy-symlink");
	OK(o.bind && o.recursive && o.tmpcopyup && o.copy_symlink);
	OK(o.propagation == (MS_PRIVATE | MS_REC));
	o = PARSE("rbind", "bind", "rshared", "slave");
	OK(o.bind && !o.recursive && o.propagation == MS_SLAVE);
	o = PARSE("idmap");
	OK(o.idmap && !o.recursive_idmap && !o.bind);
	o = PARSE("ridmap");
	OK(o.idmap && o.recursive_idmap);
	o = PARSE("unbindable");
	OK(o.propagation == MS_UNBINDABLE);
	o = PARSE("runbindable");
	OK(o.propagation == (MS_UNBINDABLE | MS_REC));
}

static void test_recursive(void)
{
	struct mount_options o = PARSE("rro", "rnosuid", "rdev");
	OK(o.rec_set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID));
	OK(o.rec_clear == MOUNT_ATTR_NODEV);
	OK(o.flags == 0 && o.cleared == 0);
	o = PARSE("rro", "rrw");
	OK(o.rec_set == 0 && o.rec_clear == MOUNT_ATTR_RDONLY);
	o = PARSE("rrw", "rro");
	OK(o.rec_set == MOUNT_ATTR_RDONLY && o.rec_clear == 0);
	/* mount_setattr(2) wants the whole mode cleared with any of them set */
	o = PARSE("rnoatime");
	OK(o.rec_set == MOUNT_ATTR_NOATIME && o.rec_clear == MOUNT_ATTR__ATIME);
	o = PARSE("rnoatime", "rstrictatime");
	OK(o.rec_set == MOUNT_ATTR_STRICTATIME && o.rec_clear == MOUNT_ATTR__ATIME);
	o = PARSE("rstrictatime", "rrelatime");
	OK(o.rec_set == 0 && o.rec_clear == MOUNT_ATTR__ATIME);
	o = PARSE("rnoatime", "ratime");
	OK(o.rec_set == 0 && o.rec_clear == MOUNT_ATTR__ATIME);
	o = PARSE("rnostrictatime");
	OK(o.rec_set == 0 && o.rec_clear == MOUNT_ATTR__ATIME);
	o = PARSE("rnorelatime");
	OK(o.rec_set == 0 && o.rec_clear == 0);
	OK_STR(buf_str(&o.data), "");
	o = PARSE("rnodiratime", "rsymfollow");
	OK(o.rec_set == MOUNT_ATTR_NODIRATIME && o.rec_clear == 0x00200000);
}

static void test_data(void)
{
	struct mount_options o = PARSE("nosuid", "mode=755", "size=65536k", "ro", "newinstance");
	OK_STR(buf_str(&o.data), "mode=755,size=65536k,newinstance");
	OK(o.flags == (MS_NOSUID | MS_RDONLY));
	size_t len = 0;
	const char *v = mount_options_data(buf_str(&o.data), "size", &len);
	OK(v && len == 6 && memcmp(v, "65536k", len) == 0);
	OK(!mount_options_data(buf_str(&o.data), "siz", &len));
	OK(!mount_options_data(buf_str(&o.data), "newinstance", &len));
	OK(!mount_options_data("", "mode", &len));
	v = mount_options_data("gid=1,gid=5", "gid", &len);
	OK(v && len == 1 && *v == '5');
	v = mount_options_data("lowerdir=/a\\,gid=3:/b,mode=1", "mode", &len);
	OK(v && len == 1 && *v == '1');
	OK(!mount_options_data("lowerdir=/a\\,gid=3:/b", "gid", &len));
	mount_options_done(&o);

	char *s = mount_options_without("newinstance,gid=5,mode=0620,gid=6", "gid");
	OK_STR(s, "newinstance,mode=0620");
	free(s);
	s = mount_options_without("gid=5", "gid");
	OK_STR(s, "");
	free(s);
	s = mount_options_without("xgid=5,gid", "gid");
	OK_STR(s, "xgid=5,gid");
	free(s);

	struct error err = { 0 };
	char *bad[] = { (char[]) { "ro" }, (char[]) { "mode=1" }, (char[]) { "x=a\nb" }, NULL };
	OK(mount_options_parse(bad, &o, &err) == -EINVAL);
	OK(strstr(err.text, "control character") != NULL);
	OK(!o.data.len && !o.flags);
}

static void test_attributes(void)
{
	OK(mount_attributes(0) == 0);
	OK(mount_attributes(MS_RELATIME) == 0);
	OK(mount_attributes(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC) ==
	   (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
	OK(mount_attributes(MS_NOATIME | MS_NODIRATIME) == (MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME));
	OK(mount_attributes(MS_STRICTATIME | MS_NOATIME) == MOUNT_ATTR_STRICTATIME);
	OK(mount_attributes(MS_SYNCHRONOUS | MS_REMOUNT) == 0);
	OK(mount_attributes(256) == 0x00200000);
}

/* every name is found by its own row: the table is sorted, and nothing that is understood becomes data */
static void test_names(void)
{
	const char *const *names = mount_option_names();
	int disordered = 0, lost = 0;
	size_t n = 0;
	for (; names[n]; n++) {
		char *word[] = { (char *) names[n], NULL };
		struct mount_options o;
		disordered += n > 0 && strcmp(names[n - 1], names[n]) >= 0;
		lost += mount_options_parse(word, &o, NULL) < 0 || o.data.len;
		mount_options_done(&o);
	}
	OK(n > 60);
	OK(disordered == 0);
	OK(lost == 0);
}

int main(void)
{
	test_empty();
	test_flags();
	test_words();
	test_recursive();
	test_data();
	test_attributes();
	test_names();
	return tap_done();
}
