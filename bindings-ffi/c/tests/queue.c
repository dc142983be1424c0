/* Clients in a program with an event loop of its own. */

#define _DEFAULT_SOURCE

#include "check.h"
#include "patience.h"
#include "tools.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>

/* The next event, which must come. */
static oxmcp_event next(const oxmcp_queue *queue)
{
    oxmcp_event event = {.id = 0};
    CHECK(oxmcp_queue_poll(queue, &event, 1, PATIENCE) == 1);
    return event;
}

static void connecting_and_closing_need_not_block(void)
{
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_client_options options = {.size = sizeof options, .command = check_program("peer-server"), .quiet = true};
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    oxmcp_str text = {NULL, 0};
    if (!CHECK_OK(oxmcp_client_start_connect(&options, queue, 1, &client, &error)))
        return;
    CHECK(!oxmcp_client_info(client));
    CHECK_OK(oxmcp_client_watch_closed(client, queue, 4, &error));
    CHECK_OK(oxmcp_client_start_call_tool(client, "echo", "{\"text\":\"early\"}", NULL, queue, 2, &error));

    oxmcp_event event = next(queue);
    CHECK(event.kind == OXMCP_EVENT_COMPLETED && event.id == 1 && !event.error);
    CHECK(oxmcp_json_string(event.json, "/serverInfo/name", &text));
    CHECK_TEXT(text, "peer");
    oxmcp_event_clear(&event);
    CHECK(!event.json);
    oxmcp_event_clear(&event);

    event = next(queue);
    CHECK(event.kind == OXMCP_EVENT_COMPLETED && event.id == 2);
    CHECK_TEXT(oxmcp_tool_result_text(event.json), "early");
    oxmcp_event_clear(&event);

    CHECK_OK(oxmcp_client_start_list_tools(client, NULL, queue, 5, &error));
    event = next(queue);
    CHECK(event.id == 5 && oxmcp_json_count(event.json, "/tools") == 11);
    oxmcp_event_clear(&event);
    CHECK_OK(oxmcp_client_start_list_tools_page(client, NULL, NULL, queue, 6, &error));
    event = next(queue);
    CHECK(event.id == 6 && oxmcp_json_count(event.json, "/tools") == 4);
    oxmcp_event_clear(&event);
    CHECK_OK(oxmcp_client_start_ping(client, NULL, queue, 7, &error));
    event = next(queue);
    CHECK(event.kind == OXMCP_EVENT_COMPLETED && event.id == 7);
    oxmcp_event_clear(&event);

    CHECK_OK(oxmcp_client_start_close(client, queue, 3, &error));
    uint64_t settled = 0;
    for (int i = 0; i < 2; i++) {
        event = next(queue);
        CHECK(event.kind == OXMCP_EVENT_COMPLETED);
        settled += event.id;
        oxmcp_event_clear(&event);
    }
    CHECK(settled == 3 + 4);
    CHECK(check_children_fall_to(0));
    oxmcp_client_free(client);
    oxmcp_queue_free(queue);
}

static void failing_to_connect_is_an_event(void)
{
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_client_options options = {.size = sizeof options, .command = "/nonexistent/program"};
    oxmcp_error *error = NULL;
    oxmcp_client *client = NULL;
    if (CHECK_OK(oxmcp_client_start_connect(&options, queue, 9, &client, &error))) {
        oxmcp_event event = next(queue);
        CHECK(event.kind == OXMCP_EVENT_FAILED && event.id == 9 && !event.json);
        CHECK(oxmcp_error_kind(event.error) == OXMCP_CONNECT);
        CHECK(strstr(oxmcp_error_message(event.error), "/nonexistent/program"));
        oxmcp_event_clear(&event);
    }
    oxmcp_client_free(client);
    oxmcp_queue_free(queue);
}

static void progress_comes_before_the_result_when_it_is_wanted(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_error *error = NULL;
    oxmcp_call_options options = {.size = sizeof options, .progress_events = true};
    CHECK_OK(oxmcp_client_start_call_tool(client, "count", "{\"to\":4}", &options, queue, 1, &error));
    for (int i = 1; i <= 4; i++) {
        oxmcp_event event = next(queue);
        double progress = 0;
        CHECK(event.kind == OXMCP_EVENT_PROGRESS && event.id == 1);
        CHECK(oxmcp_json_number(event.json, "/progress", &progress) && progress == i);
        oxmcp_event_clear(&event);
    }
    oxmcp_event event = next(queue);
    CHECK(event.kind == OXMCP_EVENT_COMPLETED && event.id == 1);
    oxmcp_event_clear(&event);

    CHECK_OK(oxmcp_client_start_call_tool(client, "count", "{\"to\":4}", NULL, queue, 2, &error));
    event = next(queue);
    CHECK(event.kind == OXMCP_EVENT_COMPLETED && event.id == 2);
    oxmcp_event_clear(&event);
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void started_operations_can_be_cancelled(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_error *error = NULL;
    int before = waits_begun();
    CHECK_OK(oxmcp_client_start_call_tool(client, "wait", NULL, NULL, queue, 1, &error));
    CHECK(wait_begins(before));
    CHECK(!oxmcp_client_cancel(client, queue, 2));
    CHECK(oxmcp_client_cancel(client, queue, 1));
    CHECK(!oxmcp_client_cancel(client, queue, 1));
    oxmcp_event event = next(queue);
    CHECK(event.kind == OXMCP_EVENT_FAILED && event.id == 1);
    CHECK(oxmcp_error_kind(event.error) == OXMCP_CANCELLED);
    oxmcp_event_clear(&event);
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
    host_stop(&host);
}

static atomic_int wakes;

static void wake(void *userdata)
{
    atomic_fetch_add((atomic_int *)userdata, 1);
}

static bool are_two(void *count)
{
    return atomic_load((atomic_int *)count) == 2;
}

static void a_queue_wakes_its_loop(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    atomic_store(&wakes, 0);
    oxmcp_queue *queue = oxmcp_queue_new(wake, &wakes);
    oxmcp_error *error = NULL;
    struct pollfd ready = {.fd = oxmcp_queue_fd(queue), .events = POLLIN};
    oxmcp_event events[8];
    CHECK(oxmcp_queue_poll(queue, events, 8, 0) == 0);
    CHECK(poll(&ready, 1, 0) == 0);

    /* What is started on a closed client has settled when it returns. */
    CHECK_OK(oxmcp_client_close(client, &error));
    for (uint64_t id = 0; id < 6; id++)
        CHECK_OK(oxmcp_client_start_call_tool(client, "pid", NULL, NULL, queue, id, &error));
    /* One wake-up for all that came while nobody polled. */
    CHECK(atomic_load(&wakes) == 1);
    /* Readable until everything is taken. */
    CHECK(poll(&ready, 1, 0) == 1);
    CHECK(oxmcp_queue_poll(queue, events, 4, 0) == 4);
    CHECK(poll(&ready, 1, 0) == 1);
    CHECK(oxmcp_queue_poll(queue, events + 4, 4, 0) == 2);
    CHECK(poll(&ready, 1, 0) == 0);
    for (uint64_t id = 0; id < 6; id++) {
        CHECK(events[id].id == id && events[id].kind == OXMCP_EVENT_FAILED);
        oxmcp_event_clear(&events[id]);
    }
    CHECK_OK(oxmcp_client_start_ping(client, NULL, queue, 6, &error));
    CHECK(atomic_load(&wakes) == 2);
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void events_from_other_threads_end_the_wait(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    atomic_store(&wakes, 0);
    oxmcp_queue *queue = oxmcp_queue_new(wake, &wakes);
    oxmcp_error *error = NULL;
    struct pollfd ready = {.fd = oxmcp_queue_fd(queue), .events = POLLIN};
    /* The first look finds nothing, and from then on it is unreadable until something comes. */
    oxmcp_event event;
    CHECK(oxmcp_queue_poll(queue, &event, 1, 0) == 0);
    CHECK_OK(oxmcp_client_start_call_tool(client, "pid", NULL, NULL, queue, 1, &error));
    CHECK(poll(&ready, 1, PATIENCE) == 1);
    event = next(queue);
    CHECK(event.kind == OXMCP_EVENT_COMPLETED && event.id == 1);
    oxmcp_event_clear(&event);
    CHECK_OK(oxmcp_client_start_call_tool(client, "pid", NULL, NULL, queue, 2, &error));
    CHECK(oxmcp_queue_poll(queue, &event, 1, -1) == 1);
    CHECK(event.id == 2);
    oxmcp_event_clear(&event);
    CHECK(wait_until(are_two, &wakes));
    oxmcp_queue_free(queue);
    oxmcp_client_free(client);
    host_stop(&host);
}

static void polling_gives_up_when_it_was_asked_to(void)
{
    oxmcp_queue *queue = oxmcp_queue_new(NULL, NULL);
    oxmcp_event event;
    CHECK(oxmcp_queue_poll(queue, &event, 1, 50) == 0);
    CHECK(oxmcp_queue_poll(queue, &event, 1, 0) == 0);
    CHECK(oxmcp_queue_poll(queue, NULL, 1, -1) == 0);
    CHECK(oxmcp_queue_poll(queue, &event, 0, -1) == 0);
    oxmcp_queue_free(queue);
}

static void a_queue_can_go_before_its_operations(void)
{
    struct host host;
    if (!CHECK(host_start(&host, 1)))
        return;
    oxmcp_client *client = host_connect(&host);
    atomic_store(&wakes, 0);
    oxmcp_queue *queue = oxmcp_queue_new(wake, &wakes);
    oxmcp_error *error = NULL;
    int before = waits_begun();
    CHECK_OK(oxmcp_client_start_call_tool(client, "wait", NULL, NULL, queue, 1, &error));
    CHECK(wait_begins(before));
    oxmcp_queue_free(queue);
    /* This settles the call. */
    CHECK_OK(oxmcp_client_close(client, &error));
    CHECK(atomic_load(&wakes) == 0);
    oxmcp_client_free(client);
    host_stop(&host);
}

const struct check_test queue_tests[] = {
    {"connecting and closing need not block", connecting_and_closing_need_not_block},
    {"failing to connect is an event", failing_to_connect_is_an_event},
    {"progress comes before the result when it is wanted", progress_comes_before_the_result_when_it_is_wanted},
    {"started operations can be cancelled", started_operations_can_be_cancelled},
    {"a queue wakes its loop", a_queue_wakes_its_loop},
    {"events from other threads end the wait", events_from_other_threads_end_the_wait},
    {"polling gives up when it was asked to", polling_gives_up_when_it_was_asked_to},
    {"a queue can go before its operations", a_queue_can_go_before_its_operations},
    {NULL, NULL},
};
