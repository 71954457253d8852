#include "criu_rpc.h"
#include <limits.h>
#include <string.h>

/* how a field's value is stored: the low three bits of its key */
enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* ---- said ---- */

/* put_varint - seven bits a byte, the lowest first; the high bit says that more follow */
static void put_varint(struct buf *b, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		buf_putc(b, (char) (0x80 | (value & 0x7f)));
	buf_putc(b, (char) value);
}

static void put_key(struct buf *b, unsigned field, enum wire wire)
{
	put_varint(b, (uint64_t) field << 3 | wire);
}

/* put_number - a negative int32 is ten bytes long, as proto2 wants it: sign-extended */
static void put_number(struct buf *b, unsigned field, int64_t value)
{
	put_key(b, field, WIRE_VARINT);
	put_varint(b, (uint64_t) value);
}

static void put_bytes(struct buf *b, unsigned field, const void *data, size_t len)
{
	put_key(b, field, WIRE_BYTES);
	put_varint(b, len);
	if (len)
		buf_add(b, data, len);
}

static void put_buf(struct buf *b, unsigned field, const struct buf *message)
{
	put_bytes(b, field, message->data, message->len);
}

void criu_put_int(struct buf *b, enum criu_option o, int64_t value)
{
	put_number(b, o, value);
}

void criu_put_flag(struct buf *b, enum criu_option o, bool on)
{
	if (on)
		put_number(b, o, 1);
}

void criu_put_string(struct buf *b, enum criu_option o, const char *s)
{
	if (s)
		put_bytes(b, o, s, strlen(s));
}

void criu_put_pair(struct buf *b, enum criu_option o, const char *first, int64_t second)
{
	struct buf message cleanup_buf = { 0 };
	put_bytes(&message, 1, first, strlen(first));
	put_number(&message, 2, second);
	put_buf(b, o, &message);
}

void criu_put_strings(struct buf *b, enum criu_option o, const char *first, const char *second)
{
	struct buf message cleanup_buf = { 0 };
	put_bytes(&message, 1, first, strlen(first));
	put_bytes(&message, 2, second, strlen(second));
	put_buf(b, o, &message);
}

/* fields of criu_req */
enum { REQUEST_TYPE = 1, REQUEST_OPTIONS = 2, REQUEST_NOTIFY_SUCCESS = 3 };

void criu_request(struct buf *ret, enum criu_type type, const struct buf *options)
{
	put_number(ret, REQUEST_TYPE, type);
	put_buf(ret, REQUEST_OPTIONS, options);
}

void criu_answer(struct buf *ret, bool success)
{
	put_number(ret, REQUEST_TYPE, CRIU_NOTIFY);
	put_number(ret, REQUEST_NOTIFY_SUCCESS, success);
}

/* ---- heard ---- */

struct reader { const unsigned char *at, *end; };
struct field {
	uint64_t number;
	enum wire wire;
	uint64_t value;		/* WIRE_VARINT */
	struct reader bytes;	/* WIRE_BYTES */
};

static int get_varint(struct reader *r, uint64_t *ret)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		if (r->at == r->end)
			return -EBADMSG;
		unsigned char byte = *r->at++;
		if (shift == 63 && byte > 1)
			return -EBADMSG;
		value |= (uint64_t) (byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return 0;
		}
	}
	return -EBADMSG;
}

static int get_bytes(struct reader *r, uint64_t len, struct reader *ret)
{
	if (len > (uint64_t) (r->end - r->at))
		return -EBADMSG;
	*ret = (struct reader) { r->at, r->at + len };
	r->at += len;
	return 0;
}

/* next_field - Return: 1, 0 at the end, or -EBADMSG */
static int next_field(struct reader *r, struct field *f)
{
	uint64_t key, len;
	if (r->at == r->end)
		return 0;
	if (get_varint(r, &key) < 0 || key >> 3 == 0)
		return -EBADMSG;
	*f = (struct field) { .number = key >> 3, .wire = key & 7 };
	int result;
	switch (f->wire) {
	case WIRE_VARINT: result = get_varint(r, &f->value); break;
	case WIRE_FIXED64: result = get_bytes(r, 8, &f->bytes); break;
	case WIRE_FIXED32: result = get_bytes(r, 4, &f->bytes); break;
	case WIRE_BYTES:
		result = get_varint(r, &len);
		if (result == 0)
			result = get_bytes(r, len, &f->bytes);
		break;
	default: result = -EBADMSG;	/* groups: nobody makes them any more */
	}
	return result < 0 ? result : 1;
}

static int take_int(const struct field *f, int *ret)
{
	int64_t value = (int64_t) f->value;
	if (f->wire != WIRE_VARINT || value < INT_MIN || value > INT_MAX)
		return -EBADMSG;
	*ret = (int) value;
	return 0;
}

static int take_text(const struct field *f, char *ret, size_t size)
{
	size_t len = (size_t) (f->bytes.end - f->bytes.at);
	if (f->wire != WIRE_BYTES || (len && memchr(f->bytes.at, 0, len)))
		return -EBADMSG;
	len = len < size ? len : size - 1;
	if (len)
		memcpy(ret, f->bytes.at, len);
	ret[len] = 0;
	return 0;
}

/* criu_restore_resp: the pid is its first field */
static int take_restored(const struct field *f, struct criu_response *ret)
{
	struct reader r = f->bytes;
	struct field inner;
	int more = f->wire == WIRE_BYTES ? next_field(&r, &inner) : -EBADMSG;
	for (; more > 0; more = next_field(&r, &inner))
		if (inner.number == 1 && take_int(&inner, &ret->pid) < 0)
			return -EBADMSG;
	return more;
}

static int take_notification(const struct field *f, struct criu_response *ret)
{
	struct reader r = f->bytes;
	struct field inner;
	int more = f->wire == WIRE_BYTES ? next_field(&r, &inner) : -EBADMSG;
	for (; more > 0; more = next_field(&r, &inner)) {
		int result = inner.number == 1 ? take_text(&inner, ret->script, sizeof ret->script) :
			     inner.number == 2 ? take_int(&inner, &ret->pid) : 0;
		if (result < 0)
			return result;
	}
	return more;
}

/* fields of criu_resp */
enum { RESPONSE_TYPE = 1, RESPONSE_SUCCESS = 2, RESPONSE_RESTORE = 4, RESPONSE_NOTIFY = 5, RESPONSE_ERRNO = 7, RESPONSE_ERRMSG = 9 };

static int take_field(const struct field *f, struct criu_response *ret)
{
	int number = 0, result = 0;
	switch (f->number) {
	case RESPONSE_TYPE: return take_int(f, &ret->type);
	case RESPONSE_SUCCESS:
		result = take_int(f, &number);
		ret->success = number != 0;
		return result;
	case RESPONSE_RESTORE: return take_restored(f, ret);
	case RESPONSE_NOTIFY: return take_notification(f, ret);
	case RESPONSE_ERRNO: return take_int(f, &ret->cr_errno);
	case RESPONSE_ERRMSG: return take_text(f, ret->message, sizeof ret->message);
	default: return 0;
	}
}

int criu_response_decode(const void *data, size_t len, struct criu_response *ret, struct error *err)
{
	struct criu_response response = { .type = -1 };
	struct reader r = { data, (const unsigned char *) data + len };
	struct field f;
	bool success_said = false;
	int more;
	while ((more = next_field(&r, &f)) > 0) {
		if (take_field(&f, &response) < 0)
			return error_say(err, EBADMSG, "criu's answer: field %llu is not what it should be",
					 (unsigned long long) f.number);
		success_said |= f.number == RESPONSE_SUCCESS;
	}
	if (more < 0)
		return error_say(err, EBADMSG, "criu's answer is no message of its protocol");
	if (response.type < 0 || !success_said)
		return error_say(err, EBADMSG, "criu's answer does not say what it is about");
	*ret = response;
	return 0;
}
