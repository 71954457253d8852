#include "cleanup.h"
#include "template_impl.h"
#include <ctype.h>
#include <string.h>

enum { DEPTH_MAX = 32, ARGS_MAX = 16 };

struct parser {
	const char *at, *action;	/* where we are; where the action at hand begins, behind its braces */
	struct pool *pool;
	unsigned depth;
};

static int fault(const struct parser *p, struct error *err, const char *why)
{
	const char *end = strstr(p->action, "}}");
	return error_say(err, EINVAL, "the template's {{%.*s}}: %s", end ? (int) (end - p->action) : (int) strnlen(p->action, 40), p->action, why);
}

static void skip_blanks(struct parser *p)
{
	while (isspace((unsigned char) *p->at))
		p->at++;
}

/* at_end - of the action: "}}", or " -}}" */
static bool at_end(const struct parser *p)
{
	return str_starts(p->at, "}}") || str_starts(p->at, "-}}");
}

static const char *take_word(struct parser *p)
{
	const char *from = p->at;
	while (isalnum((unsigned char) *p->at) || *p->at == '_')
		p->at++;
	return pool_strndup(p->pool, from, (size_t) (p->at - from));
}

static struct template_expr *new_expr(struct parser *p, int is)
{
	struct template_expr *e = pool_alloc(p->pool, sizeof *e);
	e->is = is;
	return e;
}

/* ---- operands ---- */

static char unescape(char c)
{
	static const char from[] = "ntr\\\"'", to[] = "\n\t\r\\\"'";
	const char *found = c ? strchr(from, c) : NULL;
	return found ? to[found - from] : 0;
}

/* parse_string - of "" with escapes, or `` as it is */
static int parse_string(struct parser *p, struct template_expr **ret, struct error *err)
{
	struct buf b cleanup_buf = { 0 };
	char quote = *p->at++;
	for (; *p->at != quote; p->at++) {
		if (!*p->at || (quote == '"' && *p->at == '\n'))
			return fault(p, err, "a string has no end");
		if (quote == '"' && *p->at == '\\') {
			char c = unescape(p->at[1]);
			if (!c)
				return fault(p, err, "in a string there are \\n, \\t, \\r, \\\\, \\\" and \\'");
			buf_putc(&b, c);
			p->at++;
		} else {
			buf_putc(&b, *p->at);
		}
	}
	p->at++;
	*ret = new_expr(p, EXPR_LITERAL);
	(*ret)->literal = template_text(p->pool, buf_str(&b));
	return 0;
}

static int parse_number(struct parser *p, struct template_expr **ret, struct error *err)
{
	const char *from = p->at;
	p->at += *p->at == '-' || *p->at == '+';
	size_t digits = strspn(p->at, "0123456789.");
	p->at += digits;
	if (!digits || isalnum((unsigned char) *p->at))
		return fault(p, err, "a number is expected");
	struct json_value *v = pool_alloc(p->pool, sizeof *v);
	v->is = JSON_VALUE_NUMBER;
	v->text = pool_strndup(p->pool, from + (*from == '+'), (size_t) (p->at - from) - (*from == '+'));
	*ret = new_expr(p, EXPR_LITERAL);
	(*ret)->literal = v;
	return 0;
}

static int parse_pipeline(struct parser *p, struct template_expr **ret, struct error *err);

/* parse_chain - .Name.Name behind @base */
static void parse_chain(struct parser *p, struct template_expr **base)
{
	while (*p->at == '.' && (isalpha((unsigned char) p->at[1]) || p->at[1] == '_')) {
		p->at++;
		struct template_expr *field = new_expr(p, EXPR_FIELD);
		field->base = *base;
		field->name = take_word(p);
		*base = field;
	}
}

static int parse_parenthesis(struct parser *p, struct template_expr **ret, struct error *err)
{
	if (++p->depth > DEPTH_MAX)
		return fault(p, err, "nested too deeply");
	p->at++;
	int r = parse_pipeline(p, ret, err);
	p->depth--;
	if (r < 0)
		return r;
	if (*p->at != ')')
		return fault(p, err, "a ) is missing");
	p->at++;
	return 0;
}

/* parse_operand - 1: there is none here; a word may be a function, which is for the caller */
static int parse_operand(struct parser *p, struct template_expr **ret, struct error *err)
{
	int r = 0;
	char c = *p->at;
	if (c == '"' || c == '`')
		return parse_string(p, ret, err);
	if (isdigit((unsigned char) c) || ((c == '-' || c == '+') && isdigit((unsigned char) p->at[1])))
		return parse_number(p, ret, err);
	if (c == '(') {
		r = parse_parenthesis(p, ret, err);
	} else if (c == '$') {
		p->at++;
		*ret = new_expr(p, EXPR_VARIABLE);
		(*ret)->name = take_word(p);
	} else if (c == '.') {
		*ret = new_expr(p, EXPR_DOT);
		if (!isalpha((unsigned char) p->at[1]) && p->at[1] != '_')
			p->at++;
	} else {
		return 1;
	}
	if (r == 0)
		parse_chain(p, ret);
	return r;
}

/* constant - true, false, nil */
static struct template_expr *constant(struct parser *p, const char *word)
{
	static const struct json_value truths[] = { { .is = JSON_VALUE_TRUTH }, { .is = JSON_VALUE_TRUTH, .truth = true } };
	const struct json_value *v = strcmp(word, "true") == 0 ? &truths[1] : strcmp(word, "false") == 0 ? &truths[0] :
				     strcmp(word, "nil") == 0 ? &template_null : NULL;
	struct template_expr *e = v ? new_expr(p, EXPR_LITERAL) : NULL;
	if (e)
		e->literal = v;
	return e;
}

/* ---- commands and pipelines ---- */

static int parse_argument(struct parser *p, struct template_expr **ret, struct error *err)
{
	int r = parse_operand(p, ret, err);
	if (r <= 0)
		return r;
	const char *word = take_word(p);
	if (!*word)
		return fault(p, err, "something is there that no template has");
	*ret = constant(p, word);
	if (*ret)
		return 0;
	*ret = new_expr(p, EXPR_CALL);	/* a function without arguments of its own */
	(*ret)->name = word;
	(*ret)->args = pool_alloc(p->pool, (ARGS_MAX + 1) * sizeof *(*ret)->args);
	return 0;
}

/* parse_command - a value, or a function with its arguments; what came through the pipe is its last one */
static int parse_command(struct parser *p, struct template_expr *piped, struct template_expr **ret, struct error *err)
{
	skip_blanks(p);
	if (at_end(p))
		return fault(p, err, "a value is missing");
	int r = parse_argument(p, ret, err);
	struct template_expr *call = *ret;
	for (skip_blanks(p); r == 0 && !at_end(p) && *p->at != '|' && *p->at != ')'; skip_blanks(p)) {
		struct template_expr *arg;
		if (!*p->at || *p->at == '}')
			return fault(p, err, "its end, }}, is missing");
		if (call->is != EXPR_CALL)
			return fault(p, err, "a value is followed by another: a function's name comes first, and | is between a value and "
				     "a function");
		if (call->n_args == ARGS_MAX - 1)
			return fault(p, err, "too many arguments");
		r = parse_argument(p, &arg, err);
		if (r == 0)
			call->args[call->n_args++] = arg;
	}
	if (r < 0)
		return r;
	if (piped && call->is != EXPR_CALL)
		return fault(p, err, "behind | a function's name is expected");
	if (piped)
		call->args[call->n_args++] = piped;
	struct error why = { 0 };
	for (size_t i = 0; call->is == EXPR_CALL && i <= call->n_args; i++) {	/* its own, and those that are arguments */
		const struct template_expr *e = i < call->n_args ? call->args[i] : call;
		if (e->is == EXPR_CALL && template_function(e->name, e->n_args, &why) < 0)
			return fault(p, err, why.text);
	}
	return 0;
}

static int parse_pipeline(struct parser *p, struct template_expr **ret, struct error *err)
{
	struct template_expr *e = NULL;
	int r = parse_command(p, NULL, &e, err);
	while (r == 0 && *p->at == '|') {
		p->at++;
		r = parse_command(p, e, &e, err);
	}
	*ret = e;
	return r;
}

/* parse_variables - "$x :=", "$x =", "$i, $x :=" in front; nothing when there are none */
static int parse_variables(struct parser *p, struct template_node *n, bool two, struct error *err)
{
	const char *from = p->at;
	if (*p->at != '$')
		return 0;
	p->at++;
	n->variable = take_word(p);
	skip_blanks(p);
	if (two && *p->at == ',') {
		p->at++;
		skip_blanks(p);
		n->index = n->variable;
		if (*p->at++ != '$')
			return fault(p, err, "behind the comma a variable is expected");
		n->variable = take_word(p);
		skip_blanks(p);
	}
	if (str_starts(p->at, ":=") || *p->at == '=') {
		n->assign = *p->at == '=';
		p->at += n->assign ? 1 : 2;
		return *n->variable ? 1 : fault(p, err, "a variable has a name");
	}
	n->index = n->variable = NULL;
	p->at = from;
	return 0;
}

/* ---- the text ---- */

static int parse_list(struct parser *p, struct template_node **ret, const char **ended_by, struct error *err);

/* close_action - behind its last word; " -}}" takes the blanks away that follow */
static int close_action(struct parser *p, struct error *err)
{
	skip_blanks(p);
	bool trim = *p->at == '-';
	p->at += trim;
	if (!str_starts(p->at, "}}"))
		return fault(p, err, "its end, }}, is missing or comes too late");
	p->at += 2;
	if (trim)
		skip_blanks(p);
	return 0;
}

static int parse_block(struct parser *p, struct template_node *n, struct error *err)
{
	const char *end, *action = p->action;
	skip_blanks(p);
	int r = parse_variables(p, n, n->is == NODE_RANGE, err);
	r = r < 0 ? r : parse_pipeline(p, &n->expr, err);
	r = r < 0 ? r : close_action(p, err);
	if (r == 0 && ++p->depth > DEPTH_MAX)
		r = fault(p, err, "nested too deeply");
	r = r < 0 ? r : parse_list(p, &n->body, &end, err);
	if (r < 0)
		return r;
	if (strcmp(end, "else") == 0) {
		skip_blanks(p);
		if (str_starts(p->at, "if") && isspace((unsigned char) p->at[2])) {	/* else if: a block of its own, which takes our end */
			p->at += 2;
			n->otherwise = pool_alloc(p->pool, sizeof *n);
			n->otherwise->is = NODE_IF;
			n->otherwise->text = n->text;
			r = parse_block(p, n->otherwise, err);
			p->depth--;
			return r;
		}
		r = close_action(p, err);
		r = r < 0 ? r : parse_list(p, &n->otherwise, &end, err);
	}
	p->depth--;
	p->action = action;
	if (r == 0 && strcmp(end, "end") != 0)
		return fault(p, err, *end ? "it has an {{else}} too many" : "its {{end}} is missing");
	return r < 0 ? r : close_action(p, err);
}

static struct template_node *new_node(struct parser *p, int is)
{
	struct template_node *n = pool_alloc(p->pool, sizeof *n);
	const char *end = strstr(p->action, "}}");
	n->is = is;
	n->text = pool_strndup(p->pool, p->action, end ? (size_t) (end - p->action) : 0);
	return n;
}

/* parse_action - behind "{{". Return: 0; 1 for one that ends a list, with its word in @ended_by */
static int parse_action(struct parser *p, struct template_node **ret, const char **ended_by, struct error *err)
{
	static const struct { const char *word; int is; } blocks[] = { { "if", NODE_IF }, { "with", NODE_WITH }, { "range", NODE_RANGE } };
	const char *from = p->at, *word = isalpha((unsigned char) *p->at) ? take_word(p) : "";
	if (strcmp(word, "end") == 0 || strcmp(word, "else") == 0) {
		*ended_by = word;
		return 1;
	}
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		if (strcmp(word, blocks[i].word) == 0) {
			*ret = new_node(p, blocks[i].is);
			return parse_block(p, *ret, err);
		}
	if (strcmp(word, "define") == 0 || strcmp(word, "template") == 0 || strcmp(word, "block") == 0 || strcmp(word, "break") == 0 ||
	    strcmp(word, "continue") == 0)
		return fault(p, err, "this word of Go's templates is not understood here");
	p->at = from;
	struct template_node *n = *ret = new_node(p, NODE_PRINT);
	int r = parse_variables(p, n, false, err);
	if (r == 1)
		n->is = NODE_SET;
	r = r < 0 ? r : parse_pipeline(p, &n->expr, err);
	return r < 0 ? r : close_action(p, err);
}

/* take_text - up to the next action or the end, backslashes resolved */
static struct template_node *take_plain(struct parser *p)
{
	const char *end = strstr(p->at, "{{");
	struct buf b cleanup_buf = { 0 };
	if (!end)
		end = p->at + strlen(p->at);
	bool trim = str_starts(end, "{{-") && isspace((unsigned char) end[3]);
	for (; p->at < end; p->at++) {
		char c = *p->at == '\\' && p->at + 1 < end ? unescape(p->at[1]) : 0;
		buf_putc(&b, c && !strchr("\"'", c) ? c : *p->at);
		p->at += c && !strchr("\"'", c);
	}
	while (trim && b.len && isspace((unsigned char) b.data[b.len - 1]))
		b.data[--b.len] = 0;
	struct template_node *n = pool_alloc(p->pool, sizeof *n);
	n->text = pool_strdup(p->pool, buf_str(&b));
	return n;
}

/* open_action - behind the braces, and behind a comment. Return: 0, or 1 when it was only that */
static int open_action(struct parser *p, struct error *err)
{
	p->at += 2;
	if (*p->at == '-' && isspace((unsigned char) p->at[1]))
		p->at++;
	p->action = p->at;
	skip_blanks(p);
	if (!str_starts(p->at, "/*"))
		return 0;
	const char *end = strstr(p->at + 2, "*/");
	if (!end)
		return fault(p, err, "the comment has no end");
	p->at = end + 2;
	int r = close_action(p, err);
	return r < 0 ? r : 1;
}

static int parse_list(struct parser *p, struct template_node **ret, const char **ended_by, struct error *err)
{
	struct template_node **tail = ret;
	*ended_by = "";
	while (*p->at) {
		struct template_node *n = NULL;
		int r = 0;
		if (!str_starts(p->at, "{{")) {
			n = take_plain(p);
		} else {
			r = open_action(p, err);
			if (r == 1)
				continue;
			if (r == 0)
				r = parse_action(p, &n, ended_by, err);
		}
		if (r != 0)
			return r < 0 ? r : 0;
		*tail = n;
		tail = &n->next;
	}
	return 0;
}

int template_parse(const char *text, struct pool *pool, struct template **ret, struct error *err)
{
	struct parser p = { .at = text, .action = text, .pool = pool };
	struct template *t = pool_alloc(pool, sizeof *t);
	const char *end;
	int r = parse_list(&p, &t->first, &end, err);
	if (r == 0 && *end)
		r = fault(&p, err, "there is nothing open that it could belong to");
	if (r == 0)
		*ret = t;
	return r;
}
