/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_types.h - the types that a row of config.def can have, and the rows' numbers.
 */
#ifndef RK_CORE_CONFIG_TYPES_H
#define RK_CORE_CONFIG_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/log.h"

enum rk_config_id {
#define RK_CONFIG(field, type, def, key, vars, limits, help) RK_CONFIG_##field,
#include "core/config.def"
#undef RK_CONFIG
	RK_CONFIG_COUNT
};

/* Type of a row of the table. */
enum rk_config_type {
	RK_TYPE_BOOL,
	RK_TYPE_UINT,
	RK_TYPE_SIZE,
	RK_TYPE_DURATION,
	RK_TYPE_RATIO,
	RK_TYPE_STRING,
	RK_TYPE_SECRET,
	RK_TYPE_BOUNDS,
	RK_TYPE_ENUM_PRESET,
	RK_TYPE_ENUM_PROTOCOL,
	RK_TYPE_ENUM_COMPRESSION,
	RK_TYPE_ENUM_LEVEL,
	RK_TYPE_ENUM_LOG_FORMAT,
	RK_TYPE_ENUM_GRAPH,
	RK_TYPE_ENUM_SAMPLER,
	RK_TYPE_ENUM_TEMPORALITY,
	RK_TYPE_ENUM_HISTOGRAM,
	RK_TYPE_ENUM_EXEMPLARS,
	RK_TYPE_ENUM_STACKS,
	RK_TYPE_ENUM_RECORDING,
};

/* Where a value came from, weakest first. */
enum rk_config_source {
	RK_SOURCE_DEFAULT,
	RK_SOURCE_PRESET,
	RK_SOURCE_OTEL,
	RK_SOURCE_FILE,
	RK_SOURCE_VARIABLE,
	RK_SOURCE_COUNT
};

enum rk_preset { RK_PRESET_NONE, RK_PRESET_DEVELOPMENT, RK_PRESET_PRODUCTION, RK_PRESET_MINIMAL };
enum rk_protocol {
	RK_PROTOCOL_AUTO,
	RK_PROTOCOL_GRPC,
	RK_PROTOCOL_HTTP_PROTOBUF,
	RK_PROTOCOL_HTTP_JSON
};
enum rk_compression { RK_COMPRESSION_NONE, RK_COMPRESSION_GZIP };
enum rk_log_format { RK_LOG_TEXT, RK_LOG_JSON };
enum rk_graph_trace { RK_GRAPH_NODE, RK_GRAPH_GRAPH };
enum rk_sampler {
	RK_SAMPLER_ALWAYS_ON,
	RK_SAMPLER_ALWAYS_OFF,
	RK_SAMPLER_RATIO,
	RK_SAMPLER_PARENT_ALWAYS_ON,
	RK_SAMPLER_PARENT_ALWAYS_OFF,
	RK_SAMPLER_PARENT_RATIO
};
enum rk_temporality { RK_TEMPORALITY_CUMULATIVE, RK_TEMPORALITY_DELTA, RK_TEMPORALITY_LOW_MEMORY };
enum rk_histogram_kind { RK_HISTOGRAM_EXPLICIT, RK_HISTOGRAM_EXPONENTIAL };
enum rk_stacks { RK_STACKS_OFF, RK_STACKS_ALLOC, RK_STACKS_SAMPLED, RK_STACKS_ALL };
enum rk_recording_start {
	RK_RECORDING_START_NOW,
	RK_RECORDING_START_DORMANT,
	RK_RECORDING_START_PROFILER
};
enum rk_exemplars { RK_EXEMPLARS_TRACE_BASED, RK_EXEMPLARS_ALWAYS_ON, RK_EXEMPLARS_ALWAYS_OFF };

#define RK_CONFIG_BOUNDS_MAX 64

struct rk_bounds {
	uint32_t count;
	double at[RK_CONFIG_BOUNDS_MAX];
};

/* C type per table type. Strings are owned by the config and never NULL. */
typedef bool rk_type_BOOL;
typedef uint64_t rk_type_UINT;
typedef uint64_t rk_type_SIZE; /* bytes */
typedef uint64_t rk_type_DURATION; /* ns */
typedef double rk_type_RATIO;
typedef const char *rk_type_STRING;
typedef const char *rk_type_SECRET;
typedef struct rk_bounds rk_type_BOUNDS;
typedef enum rk_preset rk_type_ENUM_PRESET;
typedef enum rk_protocol rk_type_ENUM_PROTOCOL;
typedef enum rk_compression rk_type_ENUM_COMPRESSION;
typedef enum rk_log_level rk_type_ENUM_LEVEL;
typedef enum rk_log_format rk_type_ENUM_LOG_FORMAT;
typedef enum rk_graph_trace rk_type_ENUM_GRAPH;
typedef enum rk_sampler rk_type_ENUM_SAMPLER;
typedef enum rk_temporality rk_type_ENUM_TEMPORALITY;
typedef enum rk_histogram_kind rk_type_ENUM_HISTOGRAM;
typedef enum rk_exemplars rk_type_ENUM_EXEMPLARS;
typedef enum rk_stacks rk_type_ENUM_STACKS;
typedef enum rk_recording_start rk_type_ENUM_RECORDING;

#endif
