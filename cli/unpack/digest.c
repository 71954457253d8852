#include "digest.h"
#include "stream.h"
#include "str.h"
#include <openssl/evp.h>
#include <string.h>

/* what is behind the pointer is libcrypto's own */
static EVP_MD_CTX *context(struct digest *d) { return (EVP_MD_CTX *) d; }

int digest_new(struct digest **ret, struct error *err)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	*ret = (struct digest *) c;
	if (!c || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1)
		return error_say(err, ENOTSUP, "libcrypto has no SHA-256 (a FIPS provider that is not set up?)");
	return 0;
}

int digest_add(struct digest *d, const void *data, size_t len, int64_t *us, struct error *err)
{
	int64_t start = clock_us();
	int ok = EVP_DigestUpdate(context(d), data, len);
	*us += clock_us() - start;
	return ok == 1 ? 0 : error_say(err, EIO, "libcrypto could not hash it");
}

void digest_end(struct digest *d, char out[DIGEST_SIZE])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	(void) EVP_DigestFinal_ex(context(d), md, &len);
	memcpy(out, "sha256:", 7);
	str_hex(md, len, out + 7);
}

void digest_free(struct digest *d) { EVP_MD_CTX_free(context(d)); }
