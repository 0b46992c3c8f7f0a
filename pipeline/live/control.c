/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/control.c - the socket, its clients, and the verb that is asked for.
 */
#include "pipeline/live/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "pipeline/live/control_socket.h"

#define CLIENTS_MAX   4
#define REQUEST_BYTES 1024 /* with the name of a file */
#define REPLY_BYTES   (128u << 10)
#define CLIENT_NS     3000000000ull /* from connecting to having read the reply */

struct client {
	int fd; /* -1 = a free place */
	size_t asked, sent, reply_length;
	uint64_t until_ns;
	char *reply; /* NULL = not asked yet */
	char request[REQUEST_BYTES];
};

struct rk_control {
	struct rk_control_setup setup;
	struct rk_control_socket socket;
	struct client clients[CLIENTS_MAX];
	char text[REPLY_BYTES]; /* of the reply that is being made */
};

int rk_control_open(struct rk_control **out, const struct rk_control_setup *setup)
{
	struct rk_control *control = calloc(1, sizeof(*control));
	int err;

	*out = NULL;
	if (!control)
		return -ENOMEM;
	control->setup = *setup;
	for (int i = 0; i < CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	err = rk_control_socket_open(&control->socket, setup->env);
	if (err) {
		rk_log_warn("control: could not listen on %s: %s; rktrace ctl will not reach this "
			    "process",
			    control->socket.path, rk_strerror(err));
		free(control);
		return err;
	}
	*out = control;
	return 0;
}

static void drop(struct client *client)
{
	close(client->fd);
	free(client->reply);
	memset(client, 0, sizeof(*client));
	client->fd = -1;
}

void rk_control_close(struct rk_control *control)
{
	if (!control)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (control->clients[i].fd >= 0)
			drop(&control->clients[i]);
	}
	rk_control_socket_close(&control->socket);
	free(control);
}

bool rk_control_is_busy(const struct rk_control *control)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (control->clients[i].fd >= 0)
			return true;
	}
	return false;
}

static void tell_verbs(const struct rk_control *control, const char *asked,
		       struct rk_json_text *reply)
{
	char text[REQUEST_BYTES + 64];

	snprintf(text, sizeof(text), "there is no verb \"%s\"", asked);
	rk_json_text_string(reply, "error", text);
	rk_json_text_open(reply, "verbs", '[');
	for (const struct rk_control_verb *verb = control->setup.verbs; verb->name; verb++)
		rk_json_text_string(reply, NULL, verb->name);
	rk_json_text_close(reply, ']');
}

static void tell_too_big(struct rk_json_text *reply, char *out, size_t size)
{
	rk_json_text_init(reply, out, size);
	rk_json_text_open(reply, NULL, '{');
	rk_json_text_string(reply, "error", "the reply is too big");
	rk_json_text_close(reply, '}');
}

static bool is_asked(const struct rk_control_verb *verb, const char *request)
{
	size_t length = strlen(verb->name);

	return strncmp(request, verb->name, length) == 0 &&
	       (!request[length] || (request[length] == ' ' && verb->takes_argument));
}

/* The text of the request is a whole line without its end. */
static bool answer(struct rk_control *control, struct client *client)
{
	const struct rk_control_verb *verb = control->setup.verbs;
	const char *argument = client->request + strcspn(client->request, " ");
	struct rk_json_text reply;

	/* One byte stays for the end of the line. */
	rk_json_text_init(&reply, control->text, sizeof(control->text) - 1);
	rk_json_text_open(&reply, NULL, '{');
	while (verb->name && !is_asked(verb, client->request))
		verb++;
	if (!verb->name)
		tell_verbs(control, client->request, &reply);
	else if (strlen(client->request) == REQUEST_BYTES - 1)
		rk_json_text_string(&reply, "error", "the request is too long");
	else
		verb->answer(&reply, argument + (*argument == ' '), control->setup.data);
	rk_json_text_close(&reply, '}');
	if (reply.is_cut)
		tell_too_big(&reply, control->text, sizeof(control->text) - 1);
	control->text[reply.used] = '\n';
	client->reply_length = reply.used + 1;
	client->reply = malloc(client->reply_length);
	if (!client->reply)
		return false;
	memcpy(client->reply, control->text, client->reply_length);
	return true;
}

/* What came so far, up to its end. Return: whether the line is complete. */
static bool has_line(struct client *client, bool is_end)
{
	char *end = memchr(client->request, '\n', client->asked);

	if (!end && !is_end && client->asked < REQUEST_BYTES - 1)
		return false;
	if (!end) /* no end, or none that fits: what is there counts, and which is said */
		end = client->request + client->asked;
	if (end > client->request && end[-1] == '\r')
		end--;
	*end = '\0';
	return true;
}

/* Return: whether the client stays. */
static bool read_request(struct rk_control *control, struct client *client)
{
	ssize_t got = recv(client->fd, client->request + client->asked,
			   REQUEST_BYTES - 1 - client->asked, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	client->asked += (size_t)got;
	if (!client->asked)
		return false; /* gone without a word */
	if (!has_line(client, got == 0))
		return true;
	return answer(control, client);
}

static bool write_reply(struct client *client)
{
	ssize_t sent = send(client->fd, client->reply + client->sent,
			    client->reply_length - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	client->sent += (size_t)sent;
	return client->sent < client->reply_length;
}

static void serve(struct rk_control *control, struct client *client, uint64_t now_ns)
{
	bool stays = now_ns < client->until_ns;

	if (stays && !client->reply)
		stays = read_request(control, client);
	if (stays && client->reply)
		stays = write_reply(client);
	if (!stays)
		drop(client);
}

void rk_control_run(struct rk_control *control, uint64_t now_ns)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0) {
			client->fd = rk_control_socket_accept(&control->socket);
			client->until_ns = now_ns + CLIENT_NS;
		}
		if (client->fd >= 0)
			serve(control, client, now_ns);
	}
}
