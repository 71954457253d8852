/* The words of --volume, --mount, --tmpfs and --secret. */
#include "../../cli/container/mount_words.h"
#include "../../cli/container/record.h"
#include "cleanup.h"
#include "tap.h"
#include <unistd.h>

static char got[4096];

static void add(const char *key, const char *value)
{
	size_t n = strlen(got);
	if (value)
		snprintf(got + n, sizeof got - n, "%s%s%s", n ? " " : "", key, value);
}

static void add_list(const char *key, char *const *list)
{
	struct buf b cleanup_buf = { 0 };
	for (char *const *v = list; v && *v; v++)
		buf_printf(&b, "%s%s", b.len ? "," : "", *v);
	add(key, list ? buf_str(&b) : NULL);
}

static void add_map(const char *key, const struct json_map *map)
{
	for (size_t i = 0; i < map->n; i++) {
		cleanup_free char *text = xasprintf("%s=%s", map->pairs[i].key, map->pairs[i].value);
		add(key, text);
	}
}

static void show(const struct record_mount *m)
{
	got[0] = 0;
	add("", m->type);
	add("source=", m->source);
	add("name=", m->name);
	add("on=", m->destination);
	add_list("options=", m->options);
	add("subpath=", m->subpath);
	add("upper=", m->upper_dir);
	add("work=", m->work_dir);
	add_list("uids=", m->uid_map);
	add_list("gids=", m->gid_map);
	add_map("label:", &m->labels);
	add_map("opt:", &m->driver_options);
	add("", m->idmap ? "idmap" : NULL);
	add("", m->chown ? "chown" : NULL);
	add("", m->overlay ? "overlay" : NULL);
	add("", m->no_copy ? "nocopy" : NULL);
	add("", m->writable ? "writable" : NULL);
	add("", m->make_source ? "make" : NULL);
}

struct row { const char *word, *want; };

static void check(const struct row *rows, size_t n, int (*parse)(const char *, struct pool *, struct record_mount *, struct error *),
		  const char *dir)
{
	for (size_t i = 0; i < n; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		struct record_mount m = { 0 };
		struct error err = { 0 };
		if (parse(rows[i].word, &pool, &m, &err) == 0)
			show(&m);
		else
			snprintf(got, sizeof got, "%s", err.text);
		const char *here = strstr(rows[i].want, "DIR/");
		cleanup_free char *want = here ? xasprintf("%.*s%s%s", (int) (here - rows[i].want), rows[i].want, dir, here + 3) : xstrdup(rows[i].want);
		OK_STR(got, want);
	}
}

#define CHECK(table, parse, dir) check(table, sizeof(table) / sizeof *(table), parse, dir)

static void test_volume(void)
{
	static const struct row table[] = {
		{ "/proc:/p", "bind source=/proc on=/p options=rbind,rprivate make" },
		{ "/proc:/p/../q/:ro,z", "bind source=/proc on=/q options=rbind,rprivate,rro make" },
		{ "/proc:/p:rw,Z,cached", "bind source=/proc on=/p options=rbind,rprivate make" },
		{ "/proc:/p:ro,rw", "bind source=/proc on=/p options=rbind,rprivate make" },
		{ "/proc:/p:bind,ro,rslave,nosuid", "bind source=/proc on=/p options=nosuid,bind,rslave,ro make" },
		{ "./there:/p", "bind source=DIR/there on=/p options=rbind,rprivate make" },
		{ "data:/p", "volume name=data on=/p options=rbind,rprivate" },
		{ "data:/p:nocopy,ro", "volume name=data on=/p options=rbind,rprivate,rro nocopy" },
		{ "/p", "volume on=/p options=rbind,rprivate" },
		{ "/s:/p:U,O", "bind source=/s on=/p options=rbind,rprivate chown overlay make" },
		{ "/s:/p:O,upperdir=/u,workdir=/w", "bind source=/s on=/p options=rbind,rprivate upper=/u work=/w overlay make" },
		{ "/s:/p:idmap", "bind source=/s on=/p options=rbind,rprivate idmap make" },
		{ "/s:/p:idmap=uids=0-1000-1#1-5-2;gids=0-7-1",
		  "bind source=/s on=/p options=rbind,rprivate uids=0 1000 1,1 5 2 gids=0 7 1 idmap make" },
		{ "/s:/p:idmap=uids=0-1", "--volume '/s:/p:idmap=uids=0-1': idmap: '0-1' is not FROM-TO-SIZE, such as 0-100000-65536" },
		{ "/s:/p:idmap=uids=0-1-0;gids=0-1-1",
		  "--volume '/s:/p:idmap=uids=0-1-0;gids=0-1-1': idmap: '0-1-0' is not FROM-TO-SIZE, such as 0-100000-65536" },
		{ "/s:/p:idmap=uids=0-1-1", "--volume '/s:/p:idmap=uids=0-1-1': idmap: uids= and gids= belong together" },
		{ "/s:/p:O,idmap", "--volume '/s:/p:O,idmap': O and idmap exclude each other" },
		{ "/s:/p:O,upperdir=/u", "--volume '/s:/p:O,upperdir=/u': upperdir= and workdir= belong together" },
		{ "/s:/p:upperdir=/u,workdir=/w", "--volume '/s:/p:upperdir=/u,workdir=/w': upperdir= and workdir= are for an overlay: give the option O, too" },
		{ "d:/p", "--volume 'd:/p': 'd' cannot be a volume's name: it has at least two characters, letters, digits, '_', '.' and '-', and "
			  "begins with a letter or a digit; a directory of the host is given as ./d or absolute" },
		{ "a/b:/p", "--volume 'a/b:/p': 'a/b' cannot be a volume's name: it has at least two characters, letters, digits, '_', '.' and '-', "
			    "and begins with a letter or a digit; a directory of the host is given as ./a/b or absolute" },
		{ "/proc:p", "--volume '/proc:p': give [SOURCE:]DIR[:OPTIONS], with DIR absolute and inside the container" },
		{ "p", "--volume 'p': give [SOURCE:]DIR[:OPTIONS], with DIR absolute and inside the container" },
		{ ":/p", "--volume ':/p': give [SOURCE:]DIR[:OPTIONS], with DIR absolute and inside the container" },
		{ "", "--volume '': give [SOURCE:]DIR[:OPTIONS], with DIR absolute and inside the container" },
		{ "/proc:/a:ro:rw", "--volume '/proc:/a:ro:rw': give [SOURCE:]DIR[:OPTIONS], with DIR absolute and inside the container" },
		{ "/proc:/x/..", "--volume '/proc:/x/..': nothing can be mounted on the container's /; --rootfs takes a directory for it" },
		{ "/proc:/p:rx", "--volume '/proc:/p:rx': there is no option 'rx'; there are ro, rw, z, Z, U, O, idmap, nocopy, upperdir=DIR, "
				 "workdir=DIR, nosuid, nodev, noexec, noatime, bind, rbind, private, shared, slave, rprivate, rshared, rslave" },
	};
	char here[4096];
	OK(getcwd(here, sizeof here) != NULL);
	CHECK(table, mount_parse_volume, here);
}

static void test_mount(void)
{
	static const struct row table[] = {
		{ "type=bind,source=/s,target=/t", "bind source=/s on=/t options=rbind,rprivate" },
		{ "target=/t,src=/s,type=bind,readonly", "bind source=/s on=/t options=rbind,rprivate,rro" },
		{ "type=bind,src=/s,dst=/t,ro=false", "bind source=/s on=/t options=rbind,rprivate" },
		{ "type=bind,src=/s,dst=/t,ro,bind-recursive=disabled", "bind source=/s on=/t options=bind,rprivate,ro" },
		{ "type=bind,src=/s,dst=/t,ro,bind-recursive=writable", "bind source=/s on=/t options=rbind,rprivate,ro" },
		{ "type=bind,src=/s,dst=/t,bind-nonrecursive", "bind source=/s on=/t options=bind,rprivate" },
		{ "type=bind,src=/s,destination=/t,bind-propagation=rshared", "bind source=/s on=/t options=rbind,rshared" },
		{ "type=bind,src=/s,dst=/t,bind-create-src=true,U=true,relabel=shared,consistency=cached", "bind source=/s on=/t options=rbind,rprivate chown make" },
		{ "type=bind,src=/s,dst=/t,idmap", "bind source=/s on=/t options=rbind,rprivate idmap" },
		{ "type=bind,\"src=/s,with,commas\",dst=/t", "bind source=/s,with,commas on=/t options=rbind,rprivate" },
		{ "type=bind,\"src=/s\"\"q\",dst=/t", "bind source=/s\"q on=/t options=rbind,rprivate" },
		{ "dst=/t", "volume on=/t options=rbind,rprivate" },
		{ "type=volume,src=data,dst=/t,volume-nocopy=true,volume-label=a=b,volume-label=c,volume-opt=type=tmpfs,volume-opt=o=size=1",
		  "volume name=data on=/t options=rbind,rprivate label:a=b label:c= opt:type=tmpfs opt:o=size=1 nocopy" },
		{ "type=volume,src=data,dst=/t,volume-subpath=a/b,volume-driver=local", "volume name=data on=/t options=rbind,rprivate subpath=a/b" },
		{ "type=tmpfs,dst=/t", "tmpfs source=tmpfs on=/t options=noexec,nosuid,nodev" },
		{ "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770,exec,ro", "tmpfs source=tmpfs on=/t options=nosuid,nodev,exec,size=1048576,mode=1770,ro" },
		{ "type=image,source=busybox,dst=/t,subpath=bin", "image name=busybox on=/t options= subpath=bin" },
		{ "type=image,source=busybox,dst=/t,rw=true", "image name=busybox on=/t options= writable" },
		{ "type=devpts,dst=/t,mode=0600,max=4", "devpts source=devpts on=/t options=mode=0600,max=4,newinstance" },
		{ "type=nfs,dst=/t", "--mount 'type=nfs,dst=/t': type=nfs: there are bind, volume, tmpfs, image and devpts" },
		{ "type=bind,dst=/t", "--mount 'type=bind,dst=/t': what is to be mounted is missing: source=DIR" },
		{ "type=image,dst=/t", "--mount 'type=image,dst=/t': what is to be mounted is missing: source=IMAGE" },
		{ "type=bind,src=/s", "--mount 'type=bind,src=/s': the place in the container is missing: target=DIR" },
		{ "type=bind,src=/s,dst=t", "--mount 'type=bind,src=/s,dst=t': 't' is not absolute: the place in the container begins with /" },
		{ "type=bind,src=,dst=/t", "--mount 'type=bind,src=,dst=/t': src needs a value: src=..." },
		{ "type=bind,src=/s,dst=/t,tmpfs-size=1", "--mount 'type=bind,src=/s,dst=/t,tmpfs-size=1': tmpfs-size is not for type=bind" },
		{ "type=tmpfs,dst=/t,src=/s", "--mount 'type=tmpfs,dst=/t,src=/s': source is not for type=tmpfs" },
		{ "type=tmpfs,dst=/t,tmpfs-size=big", "--mount 'type=tmpfs,dst=/t,tmpfs-size=big': 'big' is no size; give a number of bytes, also with a unit (64m), or a percentage" },
		{ "type=tmpfs,dst=/t,tmpfs-mode=9", "--mount 'type=tmpfs,dst=/t,tmpfs-mode=9': tmpfs-mode=9: give a mode in octal, such as 1777" },
		{ "type=bind,src=/s,dst=/t,bind-propagation=x", "--mount 'type=bind,src=/s,dst=/t,bind-propagation=x': bind-propagation=x: there are private, shared, slave, rprivate, rshared, rslave" },
		{ "type=bind,src=/s,dst=/t,bind-recursive=x", "--mount 'type=bind,src=/s,dst=/t,bind-recursive=x': bind-recursive=x: there are enabled, disabled, writable and readonly" },
		{ "type=bind,src=/s,dst=/t,readonly=maybe", "--mount 'type=bind,src=/s,dst=/t,readonly=maybe': readonly=maybe: give true or false" },
		{ "type=volume,dst=/t,volume-driver=x", "--mount 'type=volume,dst=/t,volume-driver=x': volume-driver=x: there is only the driver local" },
		{ "type=bind,src=/s,dst=/t,frobnicate", "--mount 'type=bind,src=/s,dst=/t,frobnicate': there is no key 'frobnicate' for type=bind" },
		{ "", "--mount '': the place in the container is missing: target=DIR" },
	};
	CHECK(table, mount_parse_mount, "");
}

static void test_tmpfs(void)
{
	static const struct row table[] = {
		{ "/t", "tmpfs source=tmpfs on=/t options=noexec,nosuid,nodev" },
		{ "/t:exec,dev,size=10m,mode=755", "tmpfs source=tmpfs on=/t options=nosuid,exec,dev,size=10485760,mode=755" },
		{ "/t:size=10%,ro,tmpcopyup", "tmpfs source=tmpfs on=/t options=noexec,nosuid,nodev,size=10%,tmpcopyup,ro" },
		{ "t", "--tmpfs 't': 't' is not absolute: the place in the container begins with /" },
		{ "/", "--tmpfs '/': nothing can be mounted on the container's /; --rootfs takes a directory for it" },
		{ "/t:bad", "--tmpfs '/t:bad': there is no option 'bad'; there are size=, mode=, uid=, gid=, nr_inodes=, ro, rw, exec, noexec, suid, "
			    "nosuid, dev, nodev, noatime, tmpcopyup" },
	};
	CHECK(table, mount_parse_tmpfs, "");
}

static void test_from(void)
{
	static const struct { const char *word, *name; bool read_only; } good[] = {
		{ "c", "c", false }, { "c:ro", "c", true }, { "c:rw,z", "c", false }, { "c:ro,Z", "c", true } };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		char *name = NULL;
		bool read_only = false;
		OK(mount_parse_from(good[i].word, &pool, &name, &read_only, NULL) == 0 && read_only == good[i].read_only);
		OK_STR(name, good[i].name);
	}
	static const char *const bad[] = { "", ":ro", "c:x" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		char *name;
		bool read_only;
		OK(mount_parse_from(bad[i], &pool, &name, &read_only, NULL) == -EINVAL);
	}
}

static void test_secret(void)
{
	static const struct row table[] = {
		{ "key", "key mount /run/secrets/key 0:0 0444" },
		{ "key,target=other,uid=1,gid=2,mode=0400", "key mount /run/secrets/other 1:2 0400" },
		{ "source=key,target=/etc/../k", "key mount /k 0:0 0444" },
		{ "key,target=a/b", "key mount /run/secrets/a/b 0:0 0444" },
		{ "key,type=env", "key env key 0:0 0444" },
		{ "key,type=env,target=KEY", "key env KEY 0:0 0444" },
		{ "key,target=../../x", "--secret 'key,target=../../x': target=../../x is no file below /run/secrets; give an absolute path for another place" },
		{ "a-b,type=env", "--secret 'a-b,type=env': 'a-b' cannot be a variable's name; give target=NAME" },
		{ "key,type=file", "--secret 'key,type=file': type=file: there are mount and env" },
		{ "key,uid=x", "--secret 'key,uid=x': uid=x: give a number" },
		{ "key,mode=888", "--secret 'key,mode=888': mode=888: give a mode in octal, such as 0400" },
		{ "key,mode=77777", "--secret 'key,mode=77777': mode=77777: give a mode in octal, such as 0400" },
		{ "key,what", "--secret 'key,what': 'what' is not known; there are source=, type=, target=, uid=, gid= and mode=" },
		{ "type=mount", "--secret 'type=mount': the secret's name is missing" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct pool pool CLEANUP(pool_done) = { 0 };
		struct record_secret s = { 0 };
		struct error err = { 0 };
		if (mount_parse_secret(table[i].word, &pool, &s, &err) == 0)
			snprintf(got, sizeof got, "%s %s %s %u:%u %04o", s.name, s.env ? "env" : "mount", s.target, s.uid, s.gid, s.mode);
		else
			snprintf(got, sizeof got, "%s", err.text);
		OK_STR(got, table[i].want);
	}
}

/* What a record keeps of a mount is what was asked for. */
static void test_record(void)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct record_mount m = { 0 }, *back;
	OK(mount_parse_mount("type=bind,src=/s,dst=/t,idmap=uids=0-1-1;gids=0-2-1,U,ro", &pool, &m, NULL) == 0);
	cleanup_free char *text = json_encode(&record_mount_type, &m, JSON_COMPACT, NULL);
	OK(json_decode(&record_mount_type, text, strlen(text), &pool, &back, NULL) == 0);
	show(back);
	OK_STR(got, "bind source=/s on=/t options=rbind,rprivate,rro uids=0 1 1 gids=0 2 1 idmap chown");
}

int main(void)
{
	test_volume();
	test_mount();
	test_tmpfs();
	test_from();
	test_secret();
	test_record();
	return tap_done();
}
