#include "cleanup.h"
#include "template_impl.h"
#include <stdlib.h>
#include <string.h>

const struct json_value template_null = { .is = JSON_VALUE_NULL };

struct variable { const char *name; const struct json_value *value; struct variable *below; };
struct run {
	struct pool pool;
	const struct json_value *root;
	struct variable *variables;	/* the innermost first */
	struct buf *out;
	const char *action;		/* for errors */
	bool lenient;			/* in a condition: what is missing is null */
};

static int fault(const struct run *run, struct error *err, const char *why)
{
	return error_say(err, EINVAL, "the template's {{%s}}: %s", run->action, why);
}

/* ---- values ---- */

const struct json_value *template_text(struct pool *pool, const char *s)
{
	struct json_value *v = pool_alloc(pool, sizeof *v);
	v->is = JSON_VALUE_TEXT;
	v->text = pool_strdup(pool, s);
	return v;
}

bool template_truth(const struct json_value *v)
{
	switch (v->is) {
	case JSON_VALUE_NULL: return false;
	case JSON_VALUE_TRUTH: return v->truth;
	case JSON_VALUE_NUMBER: return strtod(v->text, NULL) != 0;
	case JSON_VALUE_TEXT: return *v->text;
	case JSON_VALUE_LIST:
	case JSON_VALUE_OBJECT: return v->n > 0;
	}
	return false;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct json_value *const *) a)->key, (*(const struct json_value *const *) b)->key);
}

/* in_order - the members of a map by their keys, as Go has them, the items of a list as they are; caller frees */
static const struct json_value **in_order(const struct json_value *v)
{
	const struct json_value **list = xcalloc(v->n + 1, sizeof *list);
	size_t n = 0;
	for (const struct json_value *c = v->first; c; c = c->next)
		list[n++] = c;
	if (v->is == JSON_VALUE_OBJECT)
		qsort(list, n, sizeof *list, by_key);
	return list;
}

void template_print(const struct json_value *v, struct buf *out)
{
	switch (v->is) {
	case JSON_VALUE_NULL: buf_puts(out, "<no value>"); break;
	case JSON_VALUE_TRUTH: buf_puts(out, v->truth ? "true" : "false"); break;
	case JSON_VALUE_NUMBER:
	case JSON_VALUE_TEXT: buf_puts(out, v->text); break;
	case JSON_VALUE_LIST:
	case JSON_VALUE_OBJECT: {
		cleanup_free const struct json_value **list = in_order(v);
		buf_puts(out, v->is == JSON_VALUE_OBJECT ? "map[" : "[");
		for (size_t i = 0; i < v->n; i++) {
			buf_puts(out, i ? " " : "");
			if (v->is == JSON_VALUE_OBJECT)
				buf_printf(out, "%s:", list[i]->key);
			template_print(list[i], out);
		}
		buf_putc(out, ']');
	}
	}
}

/* ---- expressions ---- */

/* is_free - objects whose keys are people's: what is not among them is no mistake */
static bool is_free(const struct json_value *v)
{
	static const char *const names[] = { "Labels", "Annotations", "Ports", "Networks", "Sysctls", "Options", "Volumes", "ExposedPorts", "Tmpfs",
		"LogOpts", "Config", "StorageOpt", "Attributes", "PortBindings", "Data", NULL };
	return v->key && strings_have((char *const *) names, v->key) &&
	       !(strcmp(v->key, "Config") == 0 && v->n > 4);	/* LogConfig.Config is free, Config is not */
}

static int no_member(const struct run *run, const struct json_value *v, const char *name, struct error *err)
{
	cleanup_free const char **names = xcalloc(v->n + 1, sizeof *names);
	size_t n = 0;
	for (const struct json_value *c = v->first; c; c = c->next)
		names[n++] = c->key;
	const char *near = str_nearest(name, names);
	struct buf b cleanup_buf = { 0 };
	buf_printf(&b, "there is no '%s'", name);
	if (near)
		buf_printf(&b, "; did you mean '%s'?", near);
	else
		for (size_t i = 0; i < n; i++)
			buf_printf(&b, "%s%s", i ? ", " : "; there are ", names[i]);
	return fault(run, err, buf_str(&b));
}

static int member(const struct run *run, const struct json_value *v, const char *name, const struct json_value **ret, struct error *err)
{
	*ret = &template_null;
	if (v->is == JSON_VALUE_NULL)
		return 0;
	if (v->is != JSON_VALUE_OBJECT) {
		cleanup_free char *why = xasprintf("'.%s': what is in front of it has no members", name);
		return fault(run, err, why);
	}
	for (const struct json_value *c = v->first; c; c = c->next)
		if (strcmp(c->key, name) == 0) {
			*ret = c;
			return 0;
		}
	return run->lenient || is_free(v) ? 0 : no_member(run, v, name, err);
}

static int variable(const struct run *run, const char *name, const struct json_value **ret, struct error *err)
{
	if (!*name) {
		*ret = run->root;
		return 0;
	}
	for (const struct variable *v = run->variables; v; v = v->below)
		if (strcmp(v->name, name) == 0) {
			*ret = v->value;
			return 0;
		}
	cleanup_free char *why = xasprintf("there is no variable '$%s'", name);
	return fault(run, err, why);
}

static int evaluate(struct run *run, const struct template_expr *e, const struct json_value *dot, const struct json_value **ret, struct error *err);

static int call(struct run *run, const struct template_expr *e, const struct json_value *dot, const struct json_value **ret, struct error *err)
{
	const struct json_value *args[17];
	bool lenient = run->lenient, is_and = strcmp(e->name, "and") == 0, is_or = strcmp(e->name, "or") == 0;
	run->lenient = lenient || is_and || is_or || strcmp(e->name, "not") == 0;
	int r = 0;
	size_t n = 0;
	for (; r == 0 && n < e->n_args; n++) {
		r = evaluate(run, e->args[n], dot, &args[n], err);
		/* and, or: the first that decides is the result, and the rest is not looked at */
		if (r == 0 && ((is_and && !template_truth(args[n])) || (is_or && template_truth(args[n])))) {
			*ret = args[n];
			run->lenient = lenient;
			return 0;
		}
	}
	run->lenient = lenient;
	if (r < 0)
		return r;
	if (is_and || is_or) {
		*ret = args[n - 1];
		return 0;
	}
	struct error why = { 0 };
	r = template_call(e->name, args, n, &run->pool, ret, &why);
	return r < 0 ? fault(run, err, why.text) : 0;
}

static int evaluate(struct run *run, const struct template_expr *e, const struct json_value *dot, const struct json_value **ret, struct error *err)
{
	const struct json_value *base;
	switch (e->is) {
	case EXPR_DOT: *ret = dot; return 0;
	case EXPR_LITERAL: *ret = e->literal; return 0;
	case EXPR_VARIABLE: return variable(run, e->name, ret, err);
	case EXPR_CALL: return call(run, e, dot, ret, err);
	case EXPR_FIELD: break;
	}
	int r = evaluate(run, e->base, dot, &base, err);
	return r < 0 ? r : member(run, base, e->name, ret, err);
}

/* ---- actions ---- */

static int walk(struct run *run, const struct template_node *n, const struct json_value *dot, struct error *err);

static void bind(struct run *run, const char *name, const struct json_value *value)
{
	struct variable *v = pool_alloc(&run->pool, sizeof *v);
	*v = (struct variable) { name, value, run->variables };
	run->variables = v;
}

static int set(struct run *run, const struct template_node *n, const struct json_value *value, struct error *err)
{
	struct variable *v = run->variables;
	if (!n->assign) {
		bind(run, n->variable, value);
		return 0;
	}
	while (v && strcmp(v->name, n->variable) != 0)
		v = v->below;
	if (!v)
		return fault(run, err, "there is no such variable yet: := makes one");
	v->value = value;
	return 0;
}

static int loop(struct run *run, const struct template_node *n, const struct json_value *over, const struct json_value *dot, struct error *err)
{
	bool map = over->is == JSON_VALUE_OBJECT;
	if (over->is != JSON_VALUE_LIST && !map && over->is != JSON_VALUE_NULL)
		return fault(run, err, "neither a list nor a map");
	if (!over->n)
		return walk(run, n->otherwise, dot, err);
	cleanup_free const struct json_value **list = in_order(over);
	int r = 0;
	for (size_t i = 0; r == 0 && i < over->n; i++) {
		struct variable *outside = run->variables;
		char number[24];
		snprintf(number, sizeof number, "%zu", i);
		if (n->index && map) {
			bind(run, n->index, template_text(&run->pool, list[i]->key));
		} else if (n->index) {
			struct json_value *v = pool_alloc(&run->pool, sizeof *v);
			*v = (struct json_value) { .is = JSON_VALUE_NUMBER, .text = pool_strdup(&run->pool, number) };
			bind(run, n->index, v);
		}
		if (n->variable)
			bind(run, n->variable, list[i]);
		r = walk(run, n->body, list[i], err);
		run->variables = outside;
	}
	return r;
}

static int act(struct run *run, const struct template_node *n, const struct json_value *dot, struct error *err)
{
	const struct json_value *v;
	struct variable *outside = run->variables;
	run->action = n->text;
	run->lenient = n->is == NODE_IF || n->is == NODE_WITH;
	int r = evaluate(run, n->expr, dot, &v, err);
	run->lenient = false;
	if (r < 0)
		return r;
	switch (n->is) {
	case NODE_PRINT:
		template_print(v, run->out);
		return 0;
	case NODE_SET:
		return set(run, n, v, err);
	case NODE_RANGE:
		return loop(run, n, v, dot, err);
	default: break;
	}
	if (n->variable)
		bind(run, n->variable, v);
	bool truth = template_truth(v);
	r = walk(run, truth ? n->body : n->otherwise, truth && n->is == NODE_WITH ? v : dot, err);
	run->variables = outside;
	return r;
}

static int walk(struct run *run, const struct template_node *n, const struct json_value *dot, struct error *err)
{
	struct variable *outside = run->variables;
	int r = 0;
	for (; r == 0 && n; n = n->next) {
		if (n->is == NODE_TEXT)
			buf_puts(run->out, n->text);
		else
			r = act(run, n, dot, err);
	}
	run->variables = outside;
	return r;
}

int template_run(const struct template *t, const struct json_value *data, struct buf *out, struct error *err)
{
	struct run run = { .root = data, .out = out, .action = "" };
	int r = walk(&run, t->first, data, err);
	pool_done(&run.pool);
	return r;
}
