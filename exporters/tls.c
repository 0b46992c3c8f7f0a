/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/tls.c - OpenSSL with memory on both sides.
 */
#include "exporters/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/log.h"
#include "core/sandbox.h"

#define FILE_BYTES_MAX (4u << 20) /* the system's bundle has a quarter of a MiB */
#define WHY_BYTES      300

/* Where distributions keep their authorities; X509_get_default_cert_file() comes first. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

struct rk_tls_context {
	SSL_CTX *ssl;
	char trusted[128]; /* for messages */
};

struct rk_tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	char host[256];
	char trusted[128];
	char why[WHY_BYTES];
};

/* OpenSSL would ask on the terminal of the program. */
static int refuse_pass_phrase(char *bytes, int size, int is_writing, void *data)
{
	(void)bytes;
	(void)size;
	(void)is_writing;
	(void)data;
	return -1;
}

/* The file as a BIO. Never waits: a FIFO has nothing to read. */
static BIO *open_file(const char *path, char *why, size_t size)
{
	int fd = rk_sandbox_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	BIO *bio = fd < 0 ? NULL : BIO_new(BIO_s_mem());
	char part[4096];
	size_t total = 0;
	ssize_t length = -1;

	while (bio && (length = read(fd, part, sizeof(part))) > 0 && total < FILE_BYTES_MAX) {
		if (BIO_write(bio, part, (int)length) != length)
			break;
		total += (size_t)length;
	}
	if (length < 0)
		snprintf(why, size, "could not read %s: %s", path, rk_strerror(errno));
	else if (length > 0)
		snprintf(why, size, "could not read %s: it is too large", path);
	if (fd >= 0)
		close(fd);
	OPENSSL_cleanse(part, sizeof(part));
	if (length == 0)
		return bio;
	BIO_free(bio);
	return NULL;
}

static int add_authorities(SSL_CTX *ssl, const char *path, char *why, size_t size)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	BIO *bio = open_file(path, why, size);
	unsigned count = 0;
	X509 *one;

	if (!bio)
		return -EINVAL;
	while ((one = PEM_read_bio_X509_AUX(bio, NULL, refuse_pass_phrase, NULL))) {
		count += X509_STORE_add_cert(store, one) == 1;
		X509_free(one);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (count)
		return 0;
	snprintf(why, size, "could not use %s: it holds no certificate (PEM)", path);
	return -EINVAL;
}

/* Not SSL_CTX_set_default_verify_paths(): that asks the program's environment. */
static void add_system_authorities(SSL_CTX *ssl)
{
	char why[WHY_BYTES];

	X509_STORE_load_locations(SSL_CTX_get_cert_store(ssl), NULL, X509_get_default_cert_dir());
	if (access(X509_get_default_cert_file(), R_OK) == 0 &&
	    add_authorities(ssl, X509_get_default_cert_file(), why, sizeof(why)) == 0)
		return;
	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		if (access(bundles[i], R_OK) == 0 &&
		    add_authorities(ssl, bundles[i], why, sizeof(why)) == 0)
			return;
	}
}

/* The first certificate is ours, those behind it lead to the authority. */
static int use_certificate(SSL_CTX *ssl, const char *path, char *why, size_t size)
{
	BIO *bio = open_file(path, why, size);
	bool is_good;
	X509 *one;

	if (!bio)
		return -EINVAL;
	one = PEM_read_bio_X509_AUX(bio, NULL, refuse_pass_phrase, NULL);
	is_good = one && SSL_CTX_use_certificate(ssl, one) == 1;
	X509_free(one);
	while (is_good && (one = PEM_read_bio_X509(bio, NULL, refuse_pass_phrase, NULL))) {
		is_good = SSL_CTX_add0_chain_cert(ssl, one) == 1;
		if (!is_good)
			X509_free(one);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (is_good)
		return 0;
	snprintf(why, size, "could not use %s: it holds no certificate (PEM)", path);
	return -EINVAL;
}

static int use_key(SSL_CTX *ssl, const struct rk_tls_files *files, char *why, size_t size)
{
	BIO *bio = open_file(files->key, why, size);
	EVP_PKEY *key;
	int err = -EINVAL;

	if (!bio)
		return -EINVAL;
	key = PEM_read_bio_PrivateKey(bio, NULL, refuse_pass_phrase, NULL);
	if (!key)
		snprintf(why, size,
			 "could not use %s: it holds no private key without a pass "
			 "phrase (PEM)",
			 files->key);
	else if (SSL_CTX_use_PrivateKey(ssl, key) != 1 || SSL_CTX_check_private_key(ssl) != 1)
		snprintf(why, size, "could not use %s: it is not the key of %s", files->key,
			 files->certificate);
	else
		err = 0;
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

static bool is_set(const char *text)
{
	return text && *text;
}

static int use_files(struct rk_tls_context *context, const struct rk_tls_files *files, char *why,
		     size_t size)
{
	int err = 0;

	snprintf(context->trusted, sizeof(context->trusted), "%s",
		 is_set(files->authority) ? files->authority : "the system's authorities");
	if (is_set(files->authority))
		err = add_authorities(context->ssl, files->authority, why, size);
	else
		add_system_authorities(context->ssl);
	if (err)
		return err;
	if (is_set(files->certificate) != is_set(files->key)) {
		snprintf(why, size, "a client certificate needs a key, and a key a certificate");
		return -EINVAL;
	}
	if (!is_set(files->certificate))
		return 0;
	err = use_certificate(context->ssl, files->certificate, why, size);
	return err ? err : use_key(context->ssl, files, why, size);
}

int rk_tls_context_create(struct rk_tls_context **out, const struct rk_tls_files *files, char *why,
			  size_t size)
{
	static const unsigned char protocols[] = "\x02h2";
	struct rk_tls_context *context = calloc(1, sizeof(*context));
	int err = -ENOMEM;

	*out = NULL;
	snprintf(why, size, "out of memory");
	/* Its exit handler frees tables that this thread, which is never joined, may be using. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
	if (context)
		context->ssl = SSL_CTX_new(TLS_client_method());
	if (!context || !context->ssl)
		goto fail;
	SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_alpn_protos(context->ssl, protocols, sizeof(protocols) - 1) != 0)
		goto fail;
	err = use_files(context, files, why, size);
	if (err)
		goto fail;
	*out = context;
	return 0;
fail:
	ERR_clear_error();
	rk_tls_context_destroy(context);
	return err;
}

void rk_tls_context_destroy(struct rk_tls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl);
	free(context);
}

/* Whose certificate it must be; names are told to the server, addresses must not be. */
static bool expect_host(SSL *ssl, const char *host)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

int rk_tls_create(struct rk_tls **out, struct rk_tls_context *context, const char *host)
{
	struct rk_tls *tls = calloc(1, sizeof(*tls));

	*out = NULL;
	if (!tls)
		return -ENOMEM;
	snprintf(tls->host, sizeof(tls->host), "%s", host);
	snprintf(tls->trusted, sizeof(tls->trusted), "%s", context->trusted);
	tls->ssl = SSL_new(context->ssl);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (!tls->ssl || !tls->in || !tls->out) {
		BIO_free(tls->in);
		BIO_free(tls->out);
		goto fail;
	}
	/* Empty means "later", not the end. */
	BIO_set_mem_eof_return(tls->in, -1);
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	SSL_set_connect_state(tls->ssl);
	if (!expect_host(tls->ssl, host))
		goto fail;
	*out = tls;
	return 0;
fail:
	ERR_clear_error();
	rk_tls_destroy(tls);
	return -ENOMEM;
}

void rk_tls_destroy(struct rk_tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	ERR_clear_error();
	free(tls);
}

int rk_tls_feed(struct rk_tls *tls, const uint8_t *bytes, size_t length)
{
	if (length > INT_MAX || BIO_write(tls->in, bytes, (int)length) != (int)length)
		return -ENOMEM;
	return 0;
}

static void explain_certificate(struct rk_tls *tls, long result)
{
	const char *text = X509_verify_cert_error_string(result);

	switch (result) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(tls->why, sizeof(tls->why), "its certificate is not for %s (%s)",
			 tls->host, text);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		snprintf(tls->why, sizeof(tls->why),
			 "its certificate is of an unknown authority (%s; trusted: %s)", text,
			 tls->trusted);
		break;
	default:
		snprintf(tls->why, sizeof(tls->why), "its certificate is not valid: %s", text);
	}
}

/* Return: -EPROTO, with the first of OpenSSL's reasons kept as ours. */
static int fail(struct rk_tls *tls, const char *otherwise)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_reason_error_string(error);
	long result = SSL_get_verify_result(tls->ssl);

	if (tls->why[0])
		return -EPROTO;
	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED && result != X509_V_OK)
		explain_certificate(tls, result);
	else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		 ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
		snprintf(tls->why, sizeof(tls->why), "it does not speak TLS");
	else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		 ERR_GET_REASON(error) == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED)
		snprintf(tls->why, sizeof(tls->why), "it wants a client certificate");
	else
		snprintf(tls->why, sizeof(tls->why), "%s", reason ? reason : otherwise);
	ERR_clear_error();
	return -EPROTO;
}

int rk_tls_handshake(struct rk_tls *tls)
{
	const unsigned char *chosen;
	unsigned length;
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(tls->ssl);
	if (result != 1) {
		if (SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_READ)
			return -EAGAIN;
		return fail(tls, "the handshake failed");
	}
	SSL_get0_alpn_selected(tls->ssl, &chosen, &length);
	if (length == 2 && memcmp(chosen, "h2", 2) == 0)
		return 0;
	return fail(tls, "it did not agree to HTTP/2 (ALPN h2)");
}

long rk_tls_read(struct rk_tls *tls, uint8_t *bytes, size_t size)
{
	int result;

	ERR_clear_error();
	result = SSL_read(tls->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
	if (result > 0)
		return result;
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return fail(tls, "the session broke");
	}
}

int rk_tls_write(struct rk_tls *tls, const uint8_t *bytes, size_t length)
{
	ERR_clear_error();
	if (length > INT_MAX || SSL_write(tls->ssl, bytes, (int)length) != (int)length)
		return fail(tls, "the session broke");
	return 0;
}

void rk_tls_shutdown(struct rk_tls *tls)
{
	ERR_clear_error();
	if (SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

size_t rk_tls_take(struct rk_tls *tls, uint8_t *bytes, size_t size)
{
	int length = BIO_read(tls->out, bytes, size > INT_MAX ? INT_MAX : (int)size);

	return length > 0 ? (size_t)length : 0;
}

const char *rk_tls_why(const struct rk_tls *tls)
{
	return tls->why;
}
