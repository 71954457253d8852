#include "number_list.h"
#include "str.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { WORD_BITS = 8 * sizeof(long) };

/* take_number - at *@s, which moves behind it and the blanks that follow */
static int take_number(const char **s, unsigned *ret)
{
	unsigned value = 0;
	const char *p = *s;
	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		value = value < NUMBERS_MAX ? value * 10 + (unsigned) (*p - '0') : value;
	p += strspn(p, " \t\n");
	*s = p;
	*ret = value;
	return value < NUMBERS_MAX ? 0 : -ERANGE;
}

static void add(struct number_set *set, unsigned n)
{
	unsigned long bit = 1UL << n % WORD_BITS;
	set->n += !(set->bits[n / WORD_BITS] & bit);
	set->bits[n / WORD_BITS] |= bit;
}

int number_list_parse(const char *list, struct number_set *ret)
{
	struct number_set set = { 0 };
	for (const char *s = list; *(s += strspn(s, " \t\n,"));) {
		unsigned first, last;
		int r = take_number(&s, &first);
		last = first;
		if (r == 0 && *s == '-') {
			s += 1 + strspn(s + 1, " \t\n");
			r = take_number(&s, &last);
		}
		if (r == 0 && ((*s && *s != ',') || last < first))
			r = -EINVAL;
		if (r < 0)
			return r;
		for (; first <= last; first++)
			add(&set, first);
	}
	if (set.n == 0)
		return -EINVAL;
	*ret = set;
	return 0;
}

const char *number_set_hex(const struct number_set *set, char *out)
{
	size_t w = sizeof set->bits / sizeof *set->bits - 1;
	while (w > 0 && !set->bits[w])
		w--;
	char *p = out + sprintf(out, "0x%lx", set->bits[w]);
	while (w-- > 0)
		p += sprintf(p, "%0*lx", (int) (WORD_BITS / 4), set->bits[w]);
	return out;
}
