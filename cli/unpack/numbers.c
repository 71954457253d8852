#include "numbers.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* base256 - two's complement, big endian; bit 7 of the first byte only says that it is one */
static int base256(const uint8_t *field, size_t len, int64_t *ret)
{
	bool negative = field[0] & 0x40;
	uint64_t value = negative ? UINT64_MAX : 0;
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = i ? field[i] : (field[i] & 0x7f) | (negative ? 0x80 : 0);
		uint8_t top = (uint8_t) (value >> 56);
		if (top != (negative ? 0xff : 0))
			return -ERANGE;
		value = value << 8 | byte;
	}
	if ((value >> 63) != negative)
		return -ERANGE;
	*ret = (int64_t) value;
	return 0;
}

int tar_octal(const uint8_t *field, size_t len, int64_t *ret)
{
	if (field[0] & 0x80)
		return base256(field, len, ret);

	size_t i = 0;
	uint64_t value = 0;
	while (i < len && (field[i] == ' ' || field[i] == 0))
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (uint64_t) (field[i] - '0');	/* 12 digits at most: 36 bits */
	for (; i < len; i++)
		if (field[i] != ' ' && field[i] != 0)
			return -EINVAL;
	*ret = (int64_t) value;
	return 0;
}

int tar_decimal(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	int64_t value = 0;
	s += negative;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *s - '0', &value))
			return -ERANGE;
	}
	*ret = negative ? -value : value;
	return 0;
}

int tar_time(char *s, int64_t *sec, uint32_t *nsec)
{
	char *dot = strchr(s, '.');
	uint32_t fraction = 0;
	if (dot) {
		*dot = 0;
		const char *p = dot + 1;
		for (int i = 0; i < 9; i++) {
			if (*p && (*p < '0' || *p > '9'))
				return -EINVAL;
			fraction = fraction * 10 + (*p ? (uint32_t) (*p++ - '0') : 0);
		}
		for (; *p; p++)
			if (*p < '0' || *p > '9')
				return -EINVAL;
	}
	bool negative = *s == '-';
	int r = tar_decimal(s, sec);
	if (r < 0)
		return r;
	*nsec = fraction;
	if (negative && fraction) {
		*nsec = 1000000000U - fraction;
		*sec -= 1;
	}
	return 0;
}
