/* The server that the official conformance suite drives. Usage: server --port N */

#define _POSIX_C_SOURCE 200809L

#include <oxmcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A red pixel. */
#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC"

/* A sound without samples. */
#define WAV "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="

#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define IMAGE "{\"type\":\"image\",\"data\":\"" PNG "\",\"mimeType\":\"image/png\"}"
#define AUDIO "{\"type\":\"audio\",\"data\":\"" WAV "\",\"mimeType\":\"audio/wav\"}"
#define RESOURCE(uri, type, text)                                                                                      \
    "{\"type\":\"resource\",\"resource\":{\"uri\":\"" uri "\",\"mimeType\":\"" type "\",\"text\":\"" text "\"}}"
#define CONTENT(blocks) "{\"content\":[" blocks "]}"

/* A tool whose schema has keywords of every kind, which tools/list must not lose. */
static const char MANY_KEYWORDS[] =
    "{\"name\":\"json_schema_2020_12_tool\",\"description\":\"Has a schema of many keywords.\",\"inputSchema\":{"
    "\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
    "\"$defs\":{\"address\":{\"$anchor\":\"addressDef\",\"type\":\"object\","
    "\"properties\":{\"street\":{\"type\":\"string\"},\"city\":{\"type\":\"string\"}}}},"
    "\"properties\":{\"name\":{\"type\":\"string\"},\"address\":{\"$ref\":\"#/$defs/address\"},"
    "\"contactMethod\":{\"type\":\"string\",\"enum\":[\"phone\",\"email\"]},"
    "\"phone\":{\"type\":\"string\"},\"email\":{\"type\":\"string\"}},"
    "\"allOf\":[{\"anyOf\":[{\"required\":[\"phone\"]},{\"required\":[\"email\"]}]}],"
    "\"if\":{\"properties\":{\"contactMethod\":{\"const\":\"phone\"}},\"required\":[\"contactMethod\"]},"
    "\"then\":{\"required\":[\"phone\"]},\"else\":{\"required\":[\"email\"]},\"additionalProperties\":false}}";

static void answer(void *result_json, oxmcp_call *call);
static void report_progress(void *userdata, oxmcp_call *call);
static void fail(void *userdata, oxmcp_call *call);

#define TOOL(name, description) "{\"name\":\"" name "\",\"description\":\"" description "\"}"

static const struct {
    const char *definition;
    oxmcp_tool_fn handler;
    const char *result;
} tools[] = {
    {TOOL("test_simple_text", "Answers with text."), answer,
     CONTENT(TEXT("This is a simple text response for testing."))},
    {TOOL("test_image_content", "Answers with an image."), answer, CONTENT(IMAGE)},
    {TOOL("test_audio_content", "Answers with sound."), answer, CONTENT(AUDIO)},
    {TOOL("test_embedded_resource", "Answers with a resource."), answer,
     CONTENT(RESOURCE("test://embedded-resource", "text/plain", "This is an embedded resource content."))},
    {TOOL("test_multiple_content_types", "Answers with three kinds of content."), answer,
     CONTENT(TEXT("Multiple content types test:") "," IMAGE "," RESOURCE(
         "test://mixed-content-resource", "application/json", "{\\\"test\\\":\\\"data\\\",\\\"value\\\":123}"))},
    {TOOL("test_tool_with_progress", "Reports progress."), report_progress, NULL},
    {TOOL("test_error_handling", "Always fails."), fail, NULL},
    {MANY_KEYWORDS, answer, CONTENT(TEXT("The contact is known."))},
};

int main(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "--port") != 0) {
        fprintf(stderr, "usage: server --port N\n");
        return 1;
    }
    oxmcp_server_options options = {.size = sizeof options, .name = "oxmcp-conformance-c", .version = "0.1.0"};
    oxmcp_http_options http = {.size = sizeof http, .port = (uint16_t)atoi(argv[2])};
    oxmcp_server *server = NULL;
    oxmcp_error *error = NULL;

    oxmcp_result result = oxmcp_server_new(&options, &server, &error);
    for (size_t i = 0; i < sizeof tools / sizeof *tools && result == OXMCP_OK; i++)
        result = oxmcp_server_add_tool(server, tools[i].definition, tools[i].handler, (void *)tools[i].result, NULL,
                                       &error);
    if (result == OXMCP_OK)
        result = oxmcp_server_listen_http(server, &http, NULL, &error);
    if (result == OXMCP_OK)
        result = oxmcp_server_run(server, &error);
    if (result != OXMCP_OK)
        fprintf(stderr, "%s\n", oxmcp_error_message(error));
    oxmcp_error_free(error);
    oxmcp_server_free(server);
    return result == OXMCP_OK ? 0 : 1;
}

static void answer(void *result_json, oxmcp_call *call)
{
    oxmcp_call_respond_result(call, result_json);
}

static void report_progress(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    for (int percent = 0; percent <= 100; percent += 50) {
        char message[64];
        struct timespec moment = {0, 50000000};
        if (percent > 0)
            nanosleep(&moment, NULL);
        snprintf(message, sizeof message, "Completed step %d of 100", percent);
        oxmcp_call_progress(call, percent, 100, message);
    }
    oxmcp_call_respond_text(call, "Done.");
}

static void fail(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    oxmcp_call_respond_tool_error(call, "This tool intentionally returns an error for testing");
}
