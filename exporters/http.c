/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/http.c - libcurl behind the loop.
 */
#include "exporters/http.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "core/log.h"
#include "core/sandbox.h"
#include "exporters/url.h"

#define USER_AGENT	  "OTel-OTLP-Exporter-C/" RK_VERSION " rkpreload/" RK_VERSION
#define HEADER_BYTES_MAX  (256u << 10) /* of one reply; libcurl itself bounds only a line */
#define REPLY_KEEP_BYTES  (64u << 10)  /* replies are small; a large one is not kept */
#define UPLOAD_BUFFER_BYTES (1L << 20) /* a batch of the default size at once */
#define CONNECTIONS_MAX	  4L
#define OPENSSL_NO_ATEXIT 0x00080000u /* OPENSSL_INIT_NO_ATEXIT, the same since 1.1.1b */

struct rk_http {
	CURLM *multi;
	struct rk_loop *loop; /* borrowed; outlives this */
	uint64_t due_ns;
	uint32_t active;
	struct rk_http_proxy proxy; /* borrowed strings */
	struct rk_http *next;	    /* in left_behind */
};

/* Closed while the process ends: never freed, but known, so that no leak is reported. */
static struct rk_http *left_behind;

struct rk_http_call {
	struct rk_http *http;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *gzip_headers; /* the same and Content-Encoding */
	rk_http_done_fn done;
	void *data;
	uint8_t *reply;
	size_t reply_length, reply_capacity, header_bytes;
	bool is_active, is_too_large;
	char error[CURL_ERROR_SIZE];
};

/* OpenSSL's exit handler frees tables that this thread, which is never joined, may be using. */
static void keep_openssl_at_exit(void)
{
	static const char *const names[] = { "libcrypto.so.3", "libcrypto.so.1.1" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *library = dlopen(names[i], RTLD_LAZY | RTLD_NOLOAD);
		int (*init)(uint64_t, const void *);

		if (!library)
			continue;
		*(void **)&init = dlsym(library, "OPENSSL_init_crypto");
		if (init)
			init(OPENSSL_NO_ATEXIT, NULL);
		dlclose(library);
	}
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
	struct rk_http *http = data;
	uint32_t events = 0;

	(void)easy;
	(void)socket_data;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	rk_loop_watch(http->loop, RK_LOOP_HTTP, fd, events);
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *data)
{
	struct rk_http *http = data;

	(void)multi;
	http->due_ns = timeout_ms < 0 ? RK_NEVER : rk_loop_now() + (uint64_t)timeout_ms * 1000000u;
	return 0;
}

static void on_ready(void *data, int fd, uint32_t events)
{
	struct rk_http *http = data;
	int mask = 0, running;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(http->multi, fd, mask, &running);
}

int rk_http_open(struct rk_http **out, struct rk_loop *loop, const struct rk_http_proxy *proxy)
{
	struct rk_http *http;
	const curl_version_info_data *info;

	*out = NULL;
	keep_openssl_at_exit();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	info = curl_version_info(CURLVERSION_NOW);
	if (!(info->features & CURL_VERSION_ASYNCHDNS)) {
		rk_log_error("http: could not use libcurl %s: it resolves names on the calling "
			     "thread",
			     info->version);
		return -ENOSYS;
	}
	http = calloc(1, sizeof(*http));
	if (!http)
		return -ENOMEM;
	http->multi = curl_multi_init();
	if (!http->multi) {
		free(http);
		return -ENOMEM;
	}
	http->loop = loop;
	http->due_ns = RK_NEVER;
	if (proxy)
		http->proxy = *proxy;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
	loop->owners[RK_LOOP_HTTP].ready = on_ready;
	loop->owners[RK_LOOP_HTTP].data = http;
	*out = http;
	return 0;
}

void rk_http_close(struct rk_http *http, bool is_exiting)
{
	if (!http)
		return;
	http->loop->owners[RK_LOOP_HTTP].ready = NULL;
	if (is_exiting) {
		http->next = left_behind;
		left_behind = http;
		return;
	}
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
	free(http);
}

uint64_t rk_http_due_ns(const struct rk_http *http)
{
	return http->due_ns;
}

bool rk_http_is_busy(const struct rk_http *http)
{
	return http->active > 0;
}

static bool is_unreachable(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
#if LIBCURL_VERSION_NUM >= 0x074d00
	case CURLE_SSL_CLIENTCERT:
#endif
		return true;
	default:
		return false;
	}
}

static void call_done(struct rk_http_call *call, CURLcode code)
{
	struct rk_http_reply reply = {
		.body = call->reply,
		.length = call->reply_length,
		.is_unreachable = is_unreachable(code),
		.is_cut = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
			  code == CURLE_GOT_NOTHING,
		.is_too_large = call->is_too_large,
		/* libcurl quotes proxies with their passwords. */
		.why = call->error[0] ? rk_url_redact_text(call->error) : curl_easy_strerror(code),
	};
	long status = 0;
	curl_off_t retry_after = 0;

	curl_multi_remove_handle(call->http->multi, call->easy);
	call->is_active = false;
	call->http->active--;
	if (call->is_too_large)
		reply.why = "the reply is larger than 4 MiB";
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
	if (code == CURLE_OK || code == CURLE_BAD_CONTENT_ENCODING)
		reply.status = (int)status;
	if (code == CURLE_BAD_CONTENT_ENCODING)
		reply.length = 0;
	reply.has_retry_after = code == CURLE_OK && retry_after > 0;
	reply.retry_after_s = (uint64_t)retry_after;
	call->done(call->data, &reply);
}

void rk_http_run(struct rk_http *http, uint64_t now_ns)
{
	CURLMsg *message;
	int left, running;

	if (now_ns >= http->due_ns) {
		http->due_ns = RK_NEVER;
		curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct rk_http_call *call = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		if (call)
			call_done(call, code);
	}
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct rk_http_call *call = data;
	size_t length = size * count;

	if (call->reply_length + length > RK_HTTP_REPLY_MAX) {
		call->is_too_large = true;
		return 0; /* libcurl ends the transfer */
	}
	if (call->reply_length + length > call->reply_capacity) {
		size_t capacity = (call->reply_length + length) * 2;
		uint8_t *reply = realloc(call->reply, capacity);

		if (!reply)
			return 0;
		call->reply = reply;
		call->reply_capacity = capacity;
	}
	memcpy(call->reply + call->reply_length, bytes, length);
	call->reply_length += length;
	return length;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *data)
{
	struct rk_http_call *call = data;

	(void)bytes;
	call->header_bytes += size * count;
	if (call->header_bytes > HEADER_BYTES_MAX) {
		call->is_too_large = true;
		return 0;
	}
	return size * count;
}

static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)data;
	(void)purpose;
	return rk_sandbox_socket(address->family, address->socktype | SOCK_CLOEXEC,
				 address->protocol);
}

/* It would be asked in a new thread. */
static int look_up_host(void *state, void *reserved, void *data)
{
	(void)state;
	(void)reserved;
	(void)data;
	return rk_sandbox_was_entered();
}

/* What never changes between requests. */
static void set_options(struct rk_http_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, look_up_host);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	/* By the 64 KiB of the default, a full batch costs two to three times the CPU time. */
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A resolver thread that hangs is left behind, not waited for. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

int rk_http_call_create(struct rk_http_call **out, struct rk_http *http, rk_http_done_fn done,
			void *data)
{
	struct rk_http_call *call = calloc(1, sizeof(*call));

	*out = NULL;
	if (!call)
		return -ENOMEM;
	call->http = http;
	call->done = done;
	call->data = data;
	call->easy = curl_easy_init();
	if (!call->easy || rk_http_call_clear_headers(call)) {
		rk_http_call_destroy(call);
		return -ENOMEM;
	}
	set_options(call);
	*out = call;
	return 0;
}

void rk_http_call_destroy(struct rk_http_call *call)
{
	if (!call)
		return;
	rk_http_call_cancel(call);
	if (call->easy)
		curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->gzip_headers);
	free(call->reply);
	free(call);
}

int rk_http_call_clear_headers(struct rk_http_call *call)
{
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->gzip_headers);
	/* "Expect: 100-continue" would cost a round trip, or a second where it is ignored. */
	call->headers = curl_slist_append(NULL, "Expect:");
	call->gzip_headers = curl_slist_append(NULL, "Expect:");
	if (!call->headers || !call->gzip_headers ||
	    !curl_slist_append(call->gzip_headers, "Content-Encoding: gzip"))
		return -ENOMEM;
	return 0;
}

void rk_http_call_set_tls(struct rk_http_call *call, const struct rk_http_tls *tls)
{
	/* libcurl keeps what it was built with where nothing is set. */
	if (tls->authorities && *tls->authorities)
		curl_easy_setopt(call->easy, CURLOPT_CAINFO, tls->authorities);
	if (tls->certificate && *tls->certificate)
		curl_easy_setopt(call->easy, CURLOPT_SSLCERT, tls->certificate);
	if (tls->key && *tls->key)
		curl_easy_setopt(call->easy, CURLOPT_SSLKEY, tls->key);
}

/* RFC 9110: names are tokens; values hold no control characters. */
static bool is_header(const char *name, const char *value)
{
	if (!*name)
		return false;
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

int rk_http_call_add_header(struct rk_http_call *call, const char *name, const char *value)
{
	char *line = NULL;
	int err = 0;

	if (!is_header(name, value))
		return -EINVAL;
	/* "Name;" is libcurl's way to send a header without a value. */
	if (asprintf(&line, "%s%s%s", name, *value ? ": " : ";", value) < 0)
		return -ENOMEM;
	if (!curl_slist_append(call->headers, line) || !curl_slist_append(call->gzip_headers, line))
		err = -ENOMEM;
	free(line);
	return err;
}

static void set_proxy(struct rk_http_call *call, const char *url)
{
	const struct rk_http_proxy *proxy = &call->http->proxy;
	const char *use = strncmp(url, "https:", 6) == 0 ? proxy->https : proxy->http;

	/* Empty strings, not NULL: they keep libcurl from asking the environment. */
	curl_easy_setopt(call->easy, CURLOPT_PROXY, use ? use : "");
	curl_easy_setopt(call->easy, CURLOPT_NOPROXY, proxy->no_proxy ? proxy->no_proxy : "");
}

int rk_http_call_start(struct rk_http_call *call, const struct rk_http_request *request)
{
	CURL *easy = call->easy;

	if (call->reply_capacity > REPLY_KEEP_BYTES) {
		free(call->reply);
		call->reply = NULL;
		call->reply_capacity = 0;
	}
	call->reply_length = 0;
	call->header_bytes = 0;
	call->is_too_large = false;
	call->error[0] = '\0';
	set_proxy(call, request->url);
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
			 request->is_gzip ? call->gzip_headers : call->headers);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
	if (curl_multi_add_handle(call->http->multi, easy) != CURLM_OK)
		return -EIO;
	call->is_active = true;
	call->http->active++;
	return 0;
}

void rk_http_call_cancel(struct rk_http_call *call)
{
	if (!call->is_active)
		return;
	curl_multi_remove_handle(call->http->multi, call->easy);
	call->is_active = false;
	call->http->active--;
}

bool rk_http_call_is_active(const struct rk_http_call *call)
{
	return call->is_active;
}
