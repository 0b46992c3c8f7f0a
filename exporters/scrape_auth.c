/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/scrape_auth.c - secrets from files, compared in constant time.
 *
 * What a client sends is never decoded: the expected value is encoded instead.
 */
#include "exporters/scrape_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/log.h"
#include "core/sandbox.h"

#define SECRET_BYTES 512u			/* of the file; more than anybody types */
#define VALUE_BYTES  (SECRET_BYTES / 3u * 4u + 8u) /* the same in base64 */

struct secret {
	const char *path;   /* borrowed from the configuration; "" = not asked for */
	const char *scheme; /* of the header */
	const char *challenge;
	struct stat seen; /* the file as it was read */
	bool is_usable;
	bool is_failing;	   /* and that was said */
	char expected[VALUE_BYTES]; /* padded with zeros */
};

enum { BASIC, BEARER, SECRETS };

struct rk_scrape_auth {
	struct secret secrets[SECRETS];
};

/* Nobody but the owner, a plain file, and neither a pipe nor a device that could block. */
static int check_file(const struct stat *file)
{
	if (!S_ISREG(file->st_mode))
		return -EINVAL;
	if (file->st_mode & (S_IRWXG | S_IRWXO))
		return -EACCES;
	return file->st_size > (off_t)SECRET_BYTES ? -EFBIG : 0;
}

/* Read the file without its line end into @text, of SECRET_BYTES + 1. Return: bytes; -errno. */
static int read_file(struct secret *secret, char *text)
{
	int fd = rk_sandbox_open(secret->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	ssize_t length;
	int err;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &secret->seen) ? -errno : check_file(&secret->seen);
	length = err ? 0 : read(fd, text, SECRET_BYTES);
	if (length < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	text[length] = '\0';
	for (ssize_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ')
			return -EINVAL;
	}
	return length ? (int)length : -EINVAL;
}

static int load(struct secret *secret, bool is_basic)
{
	char text[SECRET_BYTES + 1];
	int length = read_file(secret, text);
	int err = length < 0 ? length : 0;

	memset(secret->expected, 0, sizeof(secret->expected));
	if (!err && is_basic && !strchr(text, ':'))
		err = -EINVAL;
	if (!err && is_basic)
		EVP_EncodeBlock((unsigned char *)secret->expected, (const unsigned char *)text,
				length);
	else if (!err)
		memcpy(secret->expected, text, (size_t)length);
	OPENSSL_cleanse(text, sizeof(text));
	secret->is_usable = !err;
	return err;
}

static const char *why_not(int err, bool is_basic)
{
	switch (err) {
	case -EACCES:
		return "expected a file that only its owner may read (mode 0600)";
	case -EFBIG:
		return "it is too large";
	case -EINVAL:
		return is_basic ? "expected user:password" : "expected a token";
	default:
		return rk_strerror(err);
	}
}

static int load_and_say(struct secret *secret, bool is_basic, const char *consequence)
{
	int err = load(secret, is_basic);

	if (err && !secret->is_failing)
		rk_log_warn("scrape: could not use %s: %s; %s", secret->path,
			    why_not(err, is_basic), consequence);
	secret->is_failing = err != 0;
	return err;
}

int rk_scrape_auth_open(struct rk_scrape_auth **out, const struct rk_config *config)
{
	struct rk_scrape_auth *auth = calloc(1, sizeof(*auth));

	*out = NULL;
	if (!auth)
		return -ENOMEM;
	auth->secrets[BASIC] = (struct secret){
		.path = config->metrics_basic_auth_file,
		.scheme = "Basic",
		.challenge = "Basic realm=\"rkpreload\", charset=\"UTF-8\"",
	};
	auth->secrets[BEARER] = (struct secret){
		.path = config->metrics_bearer_token_file,
		.scheme = "Bearer",
		.challenge = "Bearer realm=\"rkpreload\"",
	};
	for (int i = 0; i < SECRETS; i++) {
		struct secret *secret = &auth->secrets[i];
		int err = 0;

		if (*secret->path)
			err = load_and_say(secret, i == BASIC, "the server stays closed");
		if (err) {
			rk_scrape_auth_close(auth);
			return err;
		}
	}
	*out = auth;
	return 0;
}

void rk_scrape_auth_close(struct rk_scrape_auth *auth)
{
	if (!auth)
		return;
	OPENSSL_cleanse(auth, sizeof(*auth));
	free(auth);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool has_changed(const struct secret *secret)
{
	struct stat now;

	if (stat(secret->path, &now))
		return true;
	return now.st_ino != secret->seen.st_ino || now.st_dev != secret->seen.st_dev ||
	       now.st_size != secret->seen.st_size || now.st_mode != secret->seen.st_mode ||
	       !is_same_time(&now.st_mtim, &secret->seen.st_mtim) ||
	       !is_same_time(&now.st_ctim, &secret->seen.st_ctim);
}

static bool matches(const struct secret *secret, const char *authorization)
{
	size_t scheme = strlen(secret->scheme), length;
	char sent[VALUE_BYTES] = { 0 };

	if (strncasecmp(authorization, secret->scheme, scheme) != 0 || authorization[scheme] != ' ')
		return false;
	authorization += scheme;
	while (*authorization == ' ')
		authorization++;
	length = strlen(authorization);
	if (length >= sizeof(sent))
		return false;
	memcpy(sent, authorization, length);
	return CRYPTO_memcmp(sent, secret->expected, sizeof(sent)) == 0;
}

bool rk_scrape_auth_allows(struct rk_scrape_auth *auth, const char *authorization)
{
	bool is_asked = false, is_allowed = false;

	for (int i = 0; i < SECRETS; i++) {
		struct secret *secret = &auth->secrets[i];

		if (!*secret->path)
			continue;
		is_asked = true;
		if (has_changed(secret))
			load_and_say(secret, i == BASIC, "every scrape is refused");
		if (secret->is_usable && authorization && matches(secret, authorization))
			is_allowed = true;
	}
	return is_allowed || !is_asked;
}

const char *rk_scrape_auth_challenge(const struct rk_scrape_auth *auth, int index)
{
	for (int i = 0; i < SECRETS; i++) {
		if (*auth->secrets[i].path && index-- == 0)
			return auth->secrets[i].challenge;
	}
	return NULL;
}
