/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/tls.h - the client side of TLS, between two buffers.
 *
 * No socket is touched here: ciphertext is fed in and taken out, so nothing blocks and nothing
 * can raise SIGPIPE. HTTP/2 only: a server that does not choose "h2" is refused.
 *
 * Guest law: no exit handler of OpenSSL, no environment variable, no question for a pass
 * phrase on the terminal.
 */
#ifndef RK_EXPORTERS_TLS_H
#define RK_EXPORTERS_TLS_H

#include <stddef.h>
#include <stdint.h>

/* PEM files; "" or NULL = the system's authorities, no certificate of ours. */
struct rk_tls_files {
	const char *authority, *certificate, *key;
};

struct rk_tls_context;
struct rk_tls;

/**
 * Read the files. The first that cannot be used is named in @why.
 *
 * Context: exporter. Ownership: the caller, rk_tls_context_destroy().
 * Return: 0; -EINVAL; -ENOMEM.
 */
int rk_tls_context_create(struct rk_tls_context **out, const struct rk_tls_files *files, char *why,
			  size_t size);
void rk_tls_context_destroy(struct rk_tls_context *context);

/**
 * A session with @host: a name or an address, as its certificate must have it. @context may be
 * destroyed before it.
 *
 * Context: exporter. Ownership: the caller, rk_tls_destroy(). Return: 0; -ENOMEM.
 */
int rk_tls_create(struct rk_tls **out, struct rk_tls_context *context, const char *host);
void rk_tls_destroy(struct rk_tls *tls);

/**
 * Ciphertext from the peer.
 *
 * Context: exporter. Return: 0; -ENOMEM.
 */
int rk_tls_feed(struct rk_tls *tls, const uint8_t *bytes, size_t length);

/**
 * Go on with the handshake.
 *
 * Context: exporter. Return: 0 when it is done; -EAGAIN; -EPROTO, and rk_tls_why() says it.
 */
int rk_tls_handshake(struct rk_tls *tls);

/**
 * Plaintext from the peer.
 *
 * Context: exporter. Return: bytes; 0 at the end; -EAGAIN; -EPROTO.
 */
long rk_tls_read(struct rk_tls *tls, uint8_t *bytes, size_t size);

/**
 * Encrypt all of @bytes; rk_tls_take() has it then.
 *
 * Context: exporter. Return: 0; -EPROTO.
 */
int rk_tls_write(struct rk_tls *tls, const uint8_t *bytes, size_t length);

/**
 * The farewell, for rk_tls_take().
 *
 * Context: exporter.
 */
void rk_tls_shutdown(struct rk_tls *tls);

/**
 * Ciphertext for the peer.
 *
 * Context: exporter. Return: bytes moved to @bytes.
 */
size_t rk_tls_take(struct rk_tls *tls, uint8_t *bytes, size_t size);

/**
 * Why the session failed, in words for its owner.
 *
 * Context: exporter. Return: as long as @tls.
 */
const char *rk_tls_why(const struct rk_tls *tls);

#endif
