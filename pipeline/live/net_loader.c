/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/live/net_loader.c - opening librknet.so, late and only when it is needed.
 *
 * The file is looked for in the folder of the library that asks, in rkpreload/ below it, and
 * where RK_NET_LIBRARY says (a build tree). RTLD_LOCAL: nothing of it, nor of the libcurl it
 * brings, becomes visible to the program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/alert/alert_channel.h"
#include "pipeline/live/net_module.h"
#include "pipeline/live/net_stamp.h"

#define LIBRARY "librknet.so"

bool rk_net_has_destination(const struct rk_config *config)
{
	for (int signal = 0; signal < RK_NET_SIGNAL_COUNT; signal++) {
		if (rk_net_sends(config, (enum rk_net_signal)signal))
			return true;
	}
	if (config->metrics_enabled && config->metrics_pushgateway_url[0])
		return true;
	return rk_config_wants_scrape(config);
}

bool rk_net_is_wanted(const struct rk_config *config)
{
	return rk_net_has_destination(config) || rk_alert_channels_need_net(config);
}

static void *prepared; /* written by the feeding thread only; may be NULL */

static void *try_open(const char *path)
{
	if (access(path, R_OK))
		return NULL;
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void *open_library(const struct rk_env *env, const char *self_dir)
{
	static const char *const places[] = { "%s/rkpreload/" LIBRARY, "%s/" LIBRARY,
					      "%s/../lib/rkpreload/" LIBRARY };
	const char *named = env ? rk_env_get(env, "RK_NET_LIBRARY") : NULL;
	void *library = named ? try_open(named) : NULL;
	char path[PATH_MAX];

	for (size_t i = 0; !library && self_dir && i < sizeof(places) / sizeof(places[0]); i++) {
		/* The formats are the three literals above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), places[i], self_dir);
#pragma GCC diagnostic pop
		library = try_open(path);
	}
	return library;
}

void rk_net_prepare(const struct rk_env *env, const char *self_dir)
{
	if (!prepared)
		prepared = open_library(env, self_dir);
}

/* The file that @address is code or data of. */
static const char *file_of(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) && info.dli_fname ? info.dli_fname : "?";
}

bool rk_net_is_of_this_build(void *library, char *why, size_t size)
{
	const char *stamp = dlsym(library, "rk_net_stamp");
	const void *entry = dlsym(library, "rk_net_open");

	if (stamp && entry && strcmp(stamp, RK_NET_STAMP) == 0)
		return true;
	if (!entry)
		snprintf(why, size, "it has no rk_net_open");
	else
		snprintf(why, size, "%s is of build %.64s, but %s of " RK_NET_STAMP, file_of(entry),
			 stamp ? stamp : "unknown", file_of(&prepared));
	return false;
}

int rk_net_load(struct rk_net **out, const struct rk_net_host *host, const char *self_dir)
{
	char mismatch[3 * PATH_MAX];
	const char *why;
	void *library;
	rk_net_open_fn open_net;

	*out = NULL;
	dlerror();
	library = prepared ? prepared : open_library(host->env, self_dir);
	if (!library) {
		why = dlerror();
		rk_log_warn("net: could not open " LIBRARY " next to %s: %s; "
			    "nothing is sent, recording goes on",
			    self_dir ? self_dir : "", why ? why : rk_strerror(ENOENT));
		return -ENOENT;
	}
	if (!rk_net_is_of_this_build(library, mismatch, sizeof(mismatch))) {
		rk_log_warn("net: could not use " LIBRARY
			    ": %s; nothing is sent, recording goes on",
			    mismatch);
		return -ENOEXEC;
	}
	*(void **)&open_net = dlsym(library, "rk_net_open");
	/* Never closed: its threads and exit handlers would outlive its code. */
	return open_net(out, host);
}
