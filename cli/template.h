/* template.h - --format '{{.Name}} {{json .Config.Labels}}': Go's text/template, as far as docker's and podman's users need it, over JSON.
 *
 *	{{.A.B}} {{$}} {{$x.A}} {{(index .List 0).A}}	members; a name that is none is an error, but in maps of free keys (Labels, Ports ...)
 *	{{if P}} {{else if P}} {{else}} {{end}}, {{with P}}, {{range P}}, {{range $i, $x := P}}, {{$x := P}}, {{$x = P}}
 *	{{P | function ARGUMENT}}, "strings", `strings`, numbers, true, false, nil; {{- and -}} take blanks away; {{/ * comments * /}}
 *	json pretty join split lower upper title truncate pad print println printf len index slice and or not eq ne lt le gt ge
 *
 * Whatever is null or missing counts as false for if, with, and, or, not. A list prints as [a b], a map as map[key:value], null as <no value>.
 */
#pragma once
#include "json.h"
#include "str.h"

struct template;

/* template_parse - @pool owns the result
 * @text: a backslash before n, t, r, \ outside of {{ }} is what it is in C
 * -EINVAL: the sentence says where */
int template_parse(const char *text, struct pool *pool, struct template **ret, struct error *err);
/* template_run - adds to @out, also before a failure. -EINVAL: a member that is not there, an argument that is of the wrong kind */
int template_run(const struct template *t, const struct json_value *data, struct buf *out, struct error *err);
