#include "chain.h"

#define T struct pending_link
static const struct json_type link_type = JSON_TYPE(T, JSON_REQUIRED(T, path, "path"), JSON_REQUIRED(T, target, "target"));
#undef T
#define T struct pending
const struct json_type pending_type = JSON_TYPE(T, JSON_FIELD(T, directories, "directories"),
	JSON_LIST(T, links, "links", link_type));
#undef T
