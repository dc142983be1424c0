#define _DEFAULT_SOURCE

#include "tools.h"

#include "patience.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int begun, cancellations;

static void echo(void *userdata, oxmcp_call *call);
static void structured(void *userdata, oxmcp_call *call);
static void fail(void *userdata, oxmcp_call *call);
static void refuse(void *userdata, oxmcp_call *call);
static void wrong(void *userdata, oxmcp_call *call);
static void mute(void *userdata, oxmcp_call *call);
static void count(void *userdata, oxmcp_call *call);
static void wait(void *userdata, oxmcp_call *call);
static void pid(void *userdata, oxmcp_call *call);
static void variable(void *userdata, oxmcp_call *call);
static void die(void *userdata, oxmcp_call *call);

#define TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
#define TOOL_WITH(name, argument, type)                                                                                \
    "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"" argument                          \
    "\":{\"type\":\"" type "\"}},\"required\":[\"" argument "\"]}}"

oxmcp_result add_tools(const oxmcp_server *server, oxmcp_error **error)
{
    static const struct {
        const char *definition;
        oxmcp_tool_fn handler;
    } tools[] = {
        {TOOL_WITH("echo", "text", "string"), echo},
        {TOOL("structured"), structured},
        {TOOL("fail"), fail},
        {TOOL("refuse"), refuse},
        {TOOL("wrong"), wrong},
        {TOOL("mute"), mute},
        {TOOL_WITH("count", "to", "integer"), count},
        {TOOL("wait"), wait},
        {TOOL("pid"), pid},
        {TOOL_WITH("variable", "name", "string"), variable},
        {TOOL("die"), die},
    };
    oxmcp_result result = OXMCP_OK;
    for (size_t i = 0; i < sizeof tools / sizeof *tools && result == OXMCP_OK; i++)
        result = oxmcp_server_add_tool(server, tools[i].definition, tools[i].handler, NULL, NULL, error);
    return result;
}

int waits_begun(void)
{
    return atomic_load(&begun);
}

int cancellations_seen(void)
{
    return atomic_load(&cancellations);
}

static bool has_begun(void *before)
{
    return waits_begun() > *(int *)before;
}

_Bool wait_begins(int before)
{
    return wait_until(has_begun, &before);
}

static oxmcp_str text_argument(const oxmcp_call *call, const char *place)
{
    oxmcp_str text = {"", 0};
    oxmcp_json_string(oxmcp_call_arguments(call), place, &text);
    return text;
}

static int64_t integer_argument(const oxmcp_call *call, const char *place)
{
    int64_t integer = 0;
    oxmcp_json_integer(oxmcp_call_arguments(call), place, &integer);
    return integer;
}

static void echo(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    oxmcp_call_respond_text(call, text_argument(call, "/text").data);
}

static void structured(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    oxmcp_call_respond_result(call, "{\"content\":[{\"type\":\"text\",\"text\":\"the answer\"},"
                                    "{\"type\":\"text\",\"text\":\"is 42\"}],\"structuredContent\":{\"answer\":42}}");
}

static void fail(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    oxmcp_call_respond_tool_error(call, "this tool always fails");
}

static void refuse(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    oxmcp_call_respond_error(call, -32000, "refused", "{\"why\":\"because\"}");
}

static void wrong(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    oxmcp_call_respond_result(call, "{\"content\":");
}

static void mute(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    (void)call;
}

static void count(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    int64_t to = integer_argument(call, "/to");
    for (int64_t i = 1; i <= to; i++)
        oxmcp_call_progress(call, (double)i, i % 2 == 1 ? (double)to : NAN, i % 2 == 1 ? "odd" : NULL);
    oxmcp_call_respond_text(call, "counted");
}

static bool is_cancelled_call(void *call)
{
    return oxmcp_call_is_cancelled(call);
}

static void wait(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    atomic_fetch_add(&begun, 1);
    bool is_cancelled = wait_until(is_cancelled_call, call);
    if (is_cancelled)
        atomic_fetch_add(&cancellations, 1);
    oxmcp_call_respond_text(call, is_cancelled ? "cancelled" : "nobody cancelled");
}

static void pid(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    char text[32];
    snprintf(text, sizeof text, "%ld", (long)getpid());
    oxmcp_call_respond_text(call, text);
}

static void variable(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    const char *value = getenv(text_argument(call, "/name").data);
    oxmcp_call_respond_text(call, value ? value : "");
}

static void die(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    (void)call;
    _exit(3);
}

static void *run(void *server)
{
    oxmcp_server_run(server, NULL);
    return NULL;
}

_Bool host_start(struct host *host, int threads)
{
    oxmcp_server_options options = {.size = sizeof options, .name = "host", .version = "1.0.0"};
    *host = (struct host){.server = NULL};
    if (oxmcp_server_new(&options, &host->server, NULL) != OXMCP_OK || add_tools(host->server, NULL) != OXMCP_OK)
        return 0;
    for (; host->count < threads; host->count++) {
        if (pthread_create(&host->threads[host->count], NULL, run, host->server) != 0)
            return 0;
    }
    return 1;
}

oxmcp_client *host_connect(const struct host *host)
{
    oxmcp_client *client = NULL;
    oxmcp_client_connect_in_memory(host->server, NULL, &client, NULL);
    return client;
}

void host_stop(struct host *host)
{
    oxmcp_server_close(host->server, NULL);
    for (int i = 0; i < host->count; i++)
        pthread_join(host->threads[i], NULL);
    oxmcp_server_free(host->server);
    host->server = NULL;
}
