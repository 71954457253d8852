/* template_impl.h - what template_parse.c makes and template_run.c and template_call.c walk. */
#pragma once
#include "template.h"

struct template_expr {
	enum { EXPR_DOT, EXPR_VARIABLE, EXPR_LITERAL, EXPR_FIELD, EXPR_CALL } is;
	const char *name;			/* of the variable ("" for $), field or function */
	const struct json_value *literal;
	struct template_expr *base;		/* of EXPR_FIELD */
	struct template_expr **args;		/* of EXPR_CALL, NULL-terminated */
	size_t n_args;
};

struct template_node {
	enum { NODE_TEXT, NODE_PRINT, NODE_SET, NODE_IF, NODE_WITH, NODE_RANGE } is;
	const char *text;			/* NODE_TEXT; else the action, for errors */
	const char *index, *variable;		/* NODE_SET, and the loop's: names, or NULL */
	bool assign;				/* NODE_SET: = and not := */
	struct template_expr *expr;
	struct template_node *body, *otherwise;	/* the first of each */
	struct template_node *next;
};

struct template { struct template_node *first; };

/* template_function - is there one of this name, and for so many arguments? -EINVAL with a sentence */
int template_function(const char *name, size_t n_args, struct error *err);
/* template_call - @pool owns what is made */
int template_call(const char *name, const struct json_value *const *args, size_t n, struct pool *pool, const struct json_value **ret,
		  struct error *err);
/* template_print - a value as text */
void template_print(const struct json_value *v, struct buf *out);
bool template_truth(const struct json_value *v);
const struct json_value *template_text(struct pool *pool, const char *s);
extern const struct json_value template_null;
