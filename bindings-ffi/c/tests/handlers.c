/* Handlers: the threads they run on, the ways they answer, what becomes of their userdata. */

#define _DEFAULT_SOURCE

#include "check.h"
#include "patience.h"
#include "tools.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>

static void call(const oxmcp_client *client, const char *tool, const char *expected)
{
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    if (CHECK_OK(oxmcp_client_call_tool(client, tool, NULL, NULL, &result, &error)))
        CHECK_TEXT(oxmcp_tool_result_text(result), expected);
    oxmcp_json_free(result);
}

/* A call that a handler kept for another thread. */
struct kept {
    _Atomic(oxmcp_call *) call;
};

static void keep(void *userdata, oxmcp_call *call_to_keep)
{
    struct kept *kept = userdata;
    oxmcp_call_keep(call_to_keep);
    atomic_store(&kept->call, call_to_keep);
}

static bool is_kept(void *kept)
{
    return atomic_load(&((struct kept *)kept)->call);
}

static oxmcp_call *wait_for(struct kept *kept)
{
    wait_until(is_kept, kept);
    return atomic_exchange(&kept->call, NULL);
}

static void calls_can_be_answered_later(void)
{
    struct host host;
    struct kept kept = {NULL};
    oxmcp_error *error = NULL;
    if (!CHECK(host_start(&host, 1)))
        return;
    CHECK_OK(oxmcp_server_add_tool(host.server, "{\"name\":\"later\"}", keep, &kept, NULL, &error));
    oxmcp_client *client = host_connect(&host);
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_event event;

    CHECK_OK(oxmcp_client_start_call_tool(client, "later", "{\"a\":[1]}", NULL, queue, 7, &error));
    oxmcp_call *later = wait_for(&kept);
    if (CHECK(later)) {
        /* The only thread is free again. */
        call(client, "structured", "the answer\nis 42");
        CHECK_TEXT(oxmcp_json_text(oxmcp_call_arguments(later)), "{\"a\":[1]}");
        oxmcp_json *context = oxmcp_call_context(later);
        oxmcp_str text = {NULL, 0};
        bool wants_progress = false;
        CHECK(oxmcp_json_string(context, "/protocolVersion", &text));
        CHECK_TEXT(text, "2026-07-28");
        CHECK(oxmcp_json_bool(context, "/progress", &wants_progress));
        CHECK(oxmcp_json_type_at(context, "/requestId") != OXMCP_JSON_NOTHING);
        oxmcp_json_free(context);
        CHECK(oxmcp_call_progress(later, 1, 2, "on its way") == wants_progress);
        CHECK(!oxmcp_call_is_cancelled(later));
        CHECK(oxmcp_call_respond_text(later, "at last") == OXMCP_OK);
        CHECK(oxmcp_call_respond_text(later, "again") == OXMCP_MISUSE);
        CHECK(!oxmcp_call_context(later));
        CHECK(!oxmcp_call_progress(later, 2, 2, "too late"));
        oxmcp_call_free(later);
    }
    if (CHECK(oxmcp_queue_poll(queue, &event, 1, PATIENCE) == 1)) {
        CHECK(event.kind == OXMCP_EVENT_COMPLETED && event.id == 7);
        CHECK_TEXT(oxmcp_tool_result_text(event.json), "at last");
        oxmcp_event_clear(&event);
    }

    /* Freed without an answer: the caller is told at once. */
    CHECK_OK(oxmcp_client_start_call_tool(client, "later", NULL, NULL, queue, 8, &error));
    oxmcp_call_free(wait_for(&kept));
    if (CHECK(oxmcp_queue_poll(queue, &event, 1, PATIENCE) == 1)) {
        CHECK(event.kind == OXMCP_EVENT_FAILED && event.id == 8);
        CHECK(oxmcp_error_kind(event.error) == OXMCP_RPC);
        oxmcp_event_clear(&event);
    }
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void a_kept_call_outlives_its_server(void)
{
    struct host host;
    struct kept kept = {NULL};
    oxmcp_error *error = NULL;
    if (!CHECK(host_start(&host, 1)))
        return;
    CHECK_OK(oxmcp_server_add_tool(host.server, "{\"name\":\"later\"}", keep, &kept, NULL, &error));
    oxmcp_client *client = host_connect(&host);
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_event event;
    CHECK_OK(oxmcp_client_start_call_tool(client, "later", NULL, NULL, queue, 1, &error));
    oxmcp_call *later = wait_for(&kept);
    host_stop(&host);
    CHECK(oxmcp_call_is_cancelled(later));
    CHECK(oxmcp_call_respond_text(later, "too late") == OXMCP_CANCELLED);
    oxmcp_call_free(later);
    if (CHECK(oxmcp_queue_poll(queue, &event, 1, PATIENCE) == 1)) {
        CHECK(event.kind == OXMCP_EVENT_FAILED);
        oxmcp_event_clear(&event);
    }
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
}

static void answer_what_was_given(void *userdata, oxmcp_call *to_answer)
{
    oxmcp_call_respond_text(to_answer, userdata);
}

static void answer_bytes(void *userdata, oxmcp_call *to_answer)
{
    (void)userdata;
    oxmcp_call_respond_text(to_answer, NULL);
    oxmcp_call_respond_text(to_answer, "caf\xe9");
}

static atomic_int freed;

static void note_freed(void *userdata)
{
    (void)userdata;
    atomic_fetch_add(&freed, 1);
}

static bool is_freed(void *times)
{
    return atomic_load(&freed) >= *(int *)times;
}

/* A thread may hold on to the tool for a moment after its handler has answered. */
static bool becomes_freed(int times)
{
    return wait_until(is_freed, &times) && atomic_load(&freed) == times;
}

static void tools_can_be_replaced_and_removed(void)
{
    struct host host;
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    static const char tool[] = "{\"name\":\"changing\"}";
    atomic_store(&freed, 0);
    if (!CHECK(host_start(&host, 2)))
        return;
    oxmcp_client *client = host_connect(&host);
    CHECK_OK(oxmcp_server_add_tool(host.server, tool, answer_what_was_given, "first", note_freed, &error));
    call(client, "changing", "first");
    CHECK_OK(oxmcp_server_add_tool(host.server, tool, answer_what_was_given, "second", note_freed, &error));
    CHECK(becomes_freed(1));
    call(client, "changing", "second");
    CHECK_RESULT(oxmcp_server_add_tool(host.server, "{\"name\":\"changing\",\"inputSchema\":7}", answer_what_was_given,
                                       "third", note_freed, &error),
                 OXMCP_MISUSE);
    CHECK(becomes_freed(1));
    call(client, "changing", "second");
    CHECK(oxmcp_server_remove_tool(host.server, "changing"));
    CHECK(becomes_freed(2));
    CHECK_RESULT(oxmcp_client_call_tool(client, "changing", NULL, NULL, &result, &error), OXMCP_RPC);
    CHECK_OK(oxmcp_server_add_tool(host.server, tool, answer_what_was_given, "fourth", note_freed, &error));
    call(client, "changing", "fourth");
    oxmcp_client_free(client);
    host_stop(&host);
    CHECK(becomes_freed(3));
}

static void text_that_is_not_utf8_is_mended(void)
{
    struct host host;
    oxmcp_error *error = NULL;
    if (!CHECK(host_start(&host, 1)))
        return;
    CHECK_OK(oxmcp_server_add_tool(host.server, "{\"name\":\"bytes\"}", answer_bytes, NULL, NULL, &error));
    oxmcp_client *client = host_connect(&host);
    call(client, "bytes", "caf\xef\xbf\xbd");
    oxmcp_client_free(client);
    host_stop(&host);
}

/* How many handlers run at once, and how many of them the first wait for. */
struct overlap {
    atomic_int now, most;
    int wanted;
};

static bool enough_ran_at_once(void *userdata)
{
    struct overlap *counted = userdata;
    return atomic_load(&counted->most) >= counted->wanted;
}

static void overlap(void *userdata, oxmcp_call *to_answer)
{
    struct overlap *counted = userdata;
    int now = atomic_fetch_add(&counted->now, 1) + 1;
    for (int most = atomic_load(&counted->most); now > most;) {
        if (atomic_compare_exchange_weak(&counted->most, &most, now))
            break;
    }
    wait_until(enough_ran_at_once, counted);
    atomic_fetch_sub(&counted->now, 1);
    oxmcp_call_respond_text(to_answer, "done");
}

static int most_at_once(int threads, int calls)
{
    struct host host;
    struct overlap counted = {0, 0, threads};
    oxmcp_error *error = NULL;
    if (!CHECK(host_start(&host, threads)))
        return 0;
    CHECK_OK(oxmcp_server_add_tool(host.server, "{\"name\":\"overlap\"}", overlap, &counted, NULL, &error));
    oxmcp_client *client = host_connect(&host);
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    for (int i = 0; i < calls; i++)
        CHECK_OK(oxmcp_client_start_call_tool(client, "overlap", NULL, NULL, queue, (uint64_t)i, &error));
    for (int settled = 0; settled < calls;) {
        oxmcp_event events[4];
        size_t count = oxmcp_queue_poll(queue, events, 4, PATIENCE);
        if (!CHECK(count > 0))
            break;
        for (size_t i = 0; i < count; i++, settled++) {
            CHECK(events[i].kind == OXMCP_EVENT_COMPLETED);
            oxmcp_event_clear(&events[i]);
        }
    }
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
    host_stop(&host);
    return atomic_load(&counted.most);
}

static void as_many_handlers_run_at_once_as_threads_are_lent(void)
{
    CHECK(most_at_once(1, 6) == 1);
    CHECK(most_at_once(3, 12) == 3);
}

/* An event loop with a server and a queue. */
struct loop {
    const oxmcp_server *server;
    const oxmcp_queue *queue;
    struct pollfd *ready;
};

/* Whether neither is readable. That they are, once more after the last event, is allowed. */
static bool is_quiet(void *userdata)
{
    struct loop *loop = userdata;
    oxmcp_event event;
    oxmcp_server_poll(loop->server, 0, NULL);
    CHECK(oxmcp_queue_poll(loop->queue, &event, 1, 0) == 0);
    return poll(loop->ready, 2, 0) == 0;
}

static void an_event_loop_can_run_a_server(void)
{
    struct host host;
    oxmcp_error *error = NULL;
    if (!CHECK(host_start(&host, 0)))
        return;
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_client *client = host_connect(&host);
    struct pollfd ready[2] = {
        {.fd = oxmcp_server_fd(host.server), .events = POLLIN},
        {.fd = oxmcp_queue_fd(queue), .events = POLLIN},
    };
    CHECK(ready[0].fd >= 0 && ready[1].fd >= 0);
    CHECK(oxmcp_server_fd(host.server) == ready[0].fd);
    CHECK_RESULT(oxmcp_server_poll(host.server, 0, &error), OXMCP_OK);

    enum { CALLS = 200 };
    for (uint64_t id = 0; id < CALLS; id++)
        CHECK_OK(oxmcp_client_start_call_tool(client, "structured", NULL, NULL, queue, id, &error));
    int settled = 0;
    while (settled < CALLS && CHECK(poll(ready, 2, PATIENCE) > 0)) {
        if (ready[0].revents)
            CHECK_RESULT(oxmcp_server_poll(host.server, 0, &error), OXMCP_OK);
        if (ready[1].revents) {
            oxmcp_event events[16];
            size_t count = oxmcp_queue_poll(queue, events, 16, 0);
            for (size_t i = 0; i < count; i++, settled++) {
                CHECK(events[i].kind == OXMCP_EVENT_COMPLETED);
                oxmcp_event_clear(&events[i]);
            }
        }
    }
    CHECK(settled == CALLS);
    /* With nothing left to do, neither wakes the loop for long. */
    struct loop loop = {host.server, queue, ready};
    CHECK(wait_until(is_quiet, &loop));

    oxmcp_client_free(client);
    CHECK_OK(oxmcp_server_close(host.server, &error));
    CHECK(poll(ready, 1, 0) == 1);
    CHECK_RESULT(oxmcp_server_poll(host.server, -1, &error), OXMCP_CLOSED);
    oxmcp_queue_free(queue);
    host_stop(&host);
}

static atomic_int wakes;

static void wake(void *userdata)
{
    atomic_fetch_add((atomic_int *)userdata, 1);
}

static bool is_woken(void *userdata)
{
    (void)userdata;
    return atomic_load(&wakes) > 0;
}

static void a_server_wakes_its_loop(void)
{
    oxmcp_server_options options = {
        .size = sizeof options, .name = "server", .version = "1", .wake = wake, .userdata = &wakes};
    oxmcp_error *error = NULL;
    oxmcp_server *server = NULL;
    oxmcp_client *client = NULL;
    atomic_store(&wakes, 0);
    if (!CHECK_OK(oxmcp_server_new(&options, &server, &error)))
        return;
    CHECK_OK(add_tools(server, &error));
    CHECK_OK(oxmcp_client_connect_in_memory(server, NULL, &client, &error));
    CHECK(atomic_load(&wakes) == 0);
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    CHECK_OK(oxmcp_client_start_call_tool(client, "pid", NULL, NULL, queue, 1, &error));
    CHECK(wait_until(is_woken, NULL));
    CHECK(atomic_load(&wakes) == 1);
    CHECK_RESULT(oxmcp_server_poll(server, 0, &error), OXMCP_OK);
    oxmcp_event event;
    if (CHECK(oxmcp_queue_poll(queue, &event, 1, PATIENCE) == 1))
        oxmcp_event_clear(&event);

    /* What is on its way when the server is freed settles, and wakes nobody. */
    CHECK_OK(oxmcp_client_start_call_tool(client, "pid", NULL, NULL, queue, 2, &error));
    oxmcp_server_free(server);
    int last = atomic_load(&wakes);
    CHECK_OK(oxmcp_client_start_call_tool(client, "pid", NULL, NULL, queue, 3, &error));
    for (int settled = 0; settled < 2 && CHECK(oxmcp_queue_poll(queue, &event, 1, PATIENCE) == 1); settled++) {
        CHECK(event.kind == OXMCP_EVENT_FAILED);
        oxmcp_event_clear(&event);
    }
    CHECK(atomic_load(&wakes) == last);
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
}

static void close_server(void *userdata, oxmcp_call *to_answer)
{
    oxmcp_call_respond_text(to_answer, "closing");
    oxmcp_server_close(userdata, NULL);
}

static void a_handler_can_close_its_server(void)
{
    struct host host;
    oxmcp_error *error = NULL;
    oxmcp_json *result = NULL;
    if (!CHECK(host_start(&host, 2)))
        return;
    CHECK_OK(oxmcp_server_add_tool(host.server, "{\"name\":\"close\"}", close_server, host.server, NULL, &error));
    oxmcp_client *client = host_connect(&host);
    oxmcp_result called = oxmcp_client_call_tool(client, "close", NULL, NULL, &result, &error);
    CHECK(called == OXMCP_OK || called == OXMCP_CLOSED);
    oxmcp_json_free(result);
    oxmcp_error_free(error);
    for (int i = 0; i < host.count; i++)
        pthread_join(host.threads[i], NULL);
    oxmcp_client_free(client);
    oxmcp_server_free(host.server);
}

const struct check_test handler_tests[] = {
    {"calls can be answered later", calls_can_be_answered_later},
    {"a kept call outlives its server", a_kept_call_outlives_its_server},
    {"tools can be replaced and removed", tools_can_be_replaced_and_removed},
    {"text that is not UTF-8 is mended", text_that_is_not_utf8_is_mended},
    {"as many handlers run at once as threads are lent", as_many_handlers_run_at_once_as_threads_are_lent},
    {"an event loop can run a server", an_event_loop_can_run_a_server},
    {"a server wakes its loop", a_server_wakes_its_loop},
    {"a handler can close its server", a_handler_can_close_its_server},
    {NULL, NULL},
};
