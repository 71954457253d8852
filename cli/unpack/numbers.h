/* numbers.h - numbers as tar archives write them. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* tar_octal - a header's field: octal digits between blanks and NULs, or base-256 (GNU). 0, -EINVAL, -ERANGE */
int tar_octal(const uint8_t *field, size_t len, int64_t *ret);
/* tar_decimal - the whole text, of a pax record. 0, -EINVAL, -ERANGE */
int tar_decimal(const char *s, int64_t *ret);
/* tar_time - "1700000000.123456789", more digits are cut off; "-1.5" is 500 ms behind second -2. @s is changed. 0, -EINVAL, -ERANGE */
int tar_time(char *s, int64_t *sec, uint32_t *nsec);
