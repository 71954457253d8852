#include "../../cli/template.h"
#include "cleanup.h"
#include "tap.h"
#include <string.h>

static const char document[] = "{\"Id\":\"abc\",\"Name\":\"web\",\"N\":3,\"Up\":true,\"Down\":false,\"Nil\":null,\"Empty\":\"\","
	"\"List\":[\"a\",\"b\",\"c\"],\"Labels\":{\"z\":\"last\",\"a.b\":\"dotted\"},\"State\":{\"Status\":\"running\",\"Pid\":42},"
	"\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/s\"},{\"Type\":\"tmpfs\",\"Source\":\"\"}]}";

/* run - the text, or "! " and the sentence */
static char *run(const char *text)
{
	struct pool pool CLEANUP(pool_done) = { 0 };
	struct template *t;
	struct json_value *v;
	struct buf out = { 0 };
	struct error err = { 0 };
	int r = json_read(document, strlen(document), &pool, &v, &err);
	if (r == 0)
		r = template_parse(text, &pool, &t, &err);
	if (r == 0)
		r = template_run(t, v, &out, &err);
	if (r < 0) {
		buf_done(&out);
		return xasprintf("! %s", err.text);
	}
	return buf_take(&out);
}

static void test_output(void)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "", "" }, { "plain", "plain" }, { "{{.Id}}", "abc" }, { "<{{ .Id }}>", "<abc>" }, { "{{.State.Pid}}", "42" },
		{ "a\\tb\\n{{.N}}", "a\tb\n3" }, { "a\\qb", "a\\qb" }, { "{{.Up}} {{.Down}} {{.Nil}}", "true false <no value>" },
		{ "{{.List}}", "[a b c]" }, { "{{.Labels}}", "map[a.b:dotted z:last]" }, { "{{json .List}}", "[\"a\",\"b\",\"c\"]" },
		{ "{{.State | json}}", "{\"Status\":\"running\",\"Pid\":42}" }, { "{{index .Labels \"a.b\"}}", "dotted" },
		{ "{{index .Labels \"none\"}}", "" }, { "{{.Labels.none}}", "<no value>" }, { "{{index .List 1}}", "b" },
		{ "{{(index .Mounts 0).Type}}", "bind" }, { "{{index .Mounts 1 | json}}", "{\"Type\":\"tmpfs\",\"Source\":\"\"}" },
		{ "{{range .List}}[{{.}}]{{end}}", "[a][b][c]" }, { "{{range $i, $x := .List}}{{$i}}={{$x}} {{end}}", "0=a 1=b 2=c " },
		{ "{{range $k, $v := .Labels}}{{$k}}:{{$v}};{{end}}", "a.b:dotted;z:last;" }, { "{{range .Mounts}}{{.Type}}/{{$.Id}} {{end}}", "bind/abc tmpfs/abc " },
		{ "{{range .Empty2}}x{{end}}", "! the template's {{range .Empty2}}: there is no 'Empty2'; did you mean 'Empty'?" },
		{ "{{range .Nil}}x{{else}}none{{end}}", "none" }, { "{{if .Up}}y{{else}}n{{end}}", "y" }, { "{{if .Down}}y{{else if .Up}}m{{else}}n{{end}}", "m" },
		{ "{{if .Empty}}y{{else if .Down}}m{{else}}n{{end}}", "n" }, { "{{if .Health}}{{.Health.Status}}{{else}}none{{end}}", "none" },
		{ "{{with .State}}{{.Status}}{{end}}", "running" }, { "{{with $s := .State}}{{$s.Pid}}{{end}}", "42" },
		{ "{{$x := .N}}{{$x}}{{$x}}", "33" }, { "{{$f := true}}{{range .List}}{{if $f}}{{$f = false}}{{else}},{{end}}{{.}}{{end}}", "a,b,c" },
		{ "{{join .List \",\"}}", "a,b,c" }, { "{{range split \"a:b\" \":\"}}<{{.}}>{{end}}", "<a><b>" }, { "{{upper .Name}}{{title .Name}}", "WEBWeb" },
		{ "{{len .List}} {{len .Name}} {{len .Labels}}", "3 3 2" }, { "{{eq .N 3}} {{ne .Name \"web\"}} {{lt .N 10}} {{ge .N 4}}", "true false true false" },
		{ "{{eq .Name \"a\" \"web\"}}", "true" }, { "{{and .Up .Name}} {{or .Empty .Id}} {{not .Up}}", "web abc false" },
		{ "{{if and .Up (gt .State.Pid 40)}}yes{{end}}", "yes" }, { "{{printf \"%-5s|%5d|%q|%.2f%%\" .Name .N .Id 1.5}}", "web  |    3|\"abc\"|1.50%" },
		{ "{{print .Name .N}} {{println .N .N}}", "web3 3 3\n" }, { "{{truncate .Status 3}}", "! the template's {{truncate .Status 3}}: there is no 'Status'; did you mean 'State'?" },
		{ "{{truncate .Id 2}} {{slice .Id 1}} {{slice .List 1 2}} {{pad .Id 1 2}}|", "ab bc [b]  abc  |" },
		{ "a  {{- .Id -}}  b", "aabcb" }, { "{{/* nothing */}}x{{- /* y */ -}} z", "xz" }, { "{{`raw\\n`}} {{\"q\\\"\\n\"}}", "raw\\n q\"\n" },
		{ "{{json .Labels}}", "{\"z\":\"last\",\"a.b\":\"dotted\"}" }, { "{{$.State.Status}}", "running" }, { "{{.Name | printf \"%s-%s\" .Id}}", "abc-web" },
		{ NULL, NULL },
	};
	for (size_t i = 0; cases[i].text; i++) {
		cleanup_free char *got = run(cases[i].text);
		if (!OK(strcmp(got, cases[i].want) == 0))
			printf("# %s\n# gave %s\n", cases[i].text, got);
	}
}

static void test_faults(void)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "{{.Id", "its end, }}, is missing" }, { "{{}}", "a value is missing" }, { "{{if .Id}}x", "its {{end}} is missing" }, { "x{{end}}", "nothing open" },
		{ "{{.Idd}}", "did you mean 'Id'?" }, { "{{Id}}", "begins with a dot: .Id" }, { "{{jso .Id}}", "did you mean 'json'?" }, { "{{json}}", "takes 1 argument" },
		{ "{{.Id .Name}}", "followed by another" }, { "{{.Id | .Name}}", "a function's name is expected" }, { "{{$y}}", "no variable '$y'" },
		{ "{{\"x}}", "no end" }, { "{{template \"x\"}}", "not understood here" }, { "{{range .N}}{{end}}", "neither a list nor a map" },
		{ "{{.N.X}}", "has no members" }, { "{{index .List 9}}", "no such place" }, { "{{printf \"%d\" .Name}}", "whole number" }, { "{{(.Id}}", "a ) is missing" },
		{ "{{if .Id}}{{else}}{{else}}{{end}}", "too many" }, { "{{$z = 1}}", "no such variable yet" }, { "{{/* x }}", "comment has no end" },
		{ "{{((((((((((((((((((((((((((((((((((((((.}}", "nested too deeply" }, { "{{printf \"%s\"}}", "fewer values" }, { "{{.Id}", "missing" }, { NULL, NULL },
	};
	for (size_t i = 0; cases[i].text; i++) {
		cleanup_free char *got = run(cases[i].text);
		if (!OK(strncmp(got, "! ", 2) == 0 && strstr(got, cases[i].want)))
			printf("# %s\n# gave %s\n", cases[i].text, got);
	}
}

int main(void)
{
	test_output();
	test_faults();
	return tap_done();
}
