/* The client that the official conformance suite drives. Usage: client URL
 *
 * The suite names the scenario in MCP_CONFORMANCE_SCENARIO. */

#include <oxmcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a client does in a scenario, once it is connected. */
static oxmcp_result ping(const oxmcp_client *client, oxmcp_error **error);
static oxmcp_result list_tools(const oxmcp_client *client, oxmcp_error **error);
static oxmcp_result call_sum(const oxmcp_client *client, oxmcp_error **error);
static oxmcp_result echo_schema(const oxmcp_client *client, oxmcp_error **error);

static const struct {
    const char *name;
    oxmcp_result (*play)(const oxmcp_client *client, oxmcp_error **error);
} scenarios[] = {
    /* The servers of the first two declare no tools. */
    {"initialize", ping},
    {"request-metadata", ping},
    {"json-schema-ref-no-deref", list_tools},
    {"tools_call", call_sum},
    {"json-schema-2020-12-preservation", echo_schema},
};

int main(int argc, char **argv)
{
    const char *scenario = getenv("MCP_CONFORMANCE_SCENARIO");
    if (argc != 2 || !scenario) {
        fprintf(stderr, "usage: MCP_CONFORMANCE_SCENARIO=NAME client URL\n");
        return 1;
    }
    size_t i = 0;
    while (i < sizeof scenarios / sizeof *scenarios && strcmp(scenarios[i].name, scenario) != 0)
        i++;
    if (i == sizeof scenarios / sizeof *scenarios) {
        fprintf(stderr, "the C client does not cover the scenario %s\n", scenario);
        return 1;
    }
    oxmcp_client_options options = {
        .size = sizeof options, .url = argv[1], .client_name = "oxmcp-conformance-c", .client_version = "0.1.0"};
    oxmcp_client *client = NULL;
    oxmcp_error *error = NULL;
    oxmcp_result result = oxmcp_client_connect(&options, &client, &error);
    if (result == OXMCP_OK)
        result = scenarios[i].play(client, &error);
    if (result == OXMCP_OK)
        result = oxmcp_client_close(client, &error);
    if (result != OXMCP_OK)
        fprintf(stderr, "%s: %s\n", oxmcp_result_name(result), oxmcp_error_message(error));
    oxmcp_error_free(error);
    oxmcp_client_free(client);
    return result == OXMCP_OK ? 0 : 1;
}

static oxmcp_result ping(const oxmcp_client *client, oxmcp_error **error)
{
    return oxmcp_client_ping(client, NULL, error);
}

static oxmcp_result list_tools(const oxmcp_client *client, oxmcp_error **error)
{
    oxmcp_json *tools = NULL;
    oxmcp_result result = oxmcp_client_list_tools(client, NULL, &tools, error);
    oxmcp_json_free(tools);
    return result;
}

static oxmcp_result call_sum(const oxmcp_client *client, oxmcp_error **error)
{
    oxmcp_json *tools = NULL;
    oxmcp_json *sum = NULL;
    oxmcp_str name = {"", 0};
    oxmcp_result result = oxmcp_client_list_tools(client, NULL, &tools, error);
    oxmcp_json_string(tools, "/tools/0/name", &name);
    if (result == OXMCP_OK)
        result = oxmcp_client_call_tool(client, name.data, "{\"a\":2,\"b\":3}", NULL, &sum, error);
    if (result == OXMCP_OK) {
        oxmcp_str text = oxmcp_tool_result_text(sum);
        if (!text.data || strcmp(text.data, "The sum of 2 and 3 is 5") != 0) {
            fprintf(stderr, "%s answered %s\n", name.data, oxmcp_json_text(sum).data);
            exit(1);
        }
    }
    oxmcp_json_free(sum);
    oxmcp_json_free(tools);
    return result;
}

static oxmcp_result echo_schema(const oxmcp_client *client, oxmcp_error **error)
{
    oxmcp_json *tools = NULL;
    oxmcp_json *echoed = NULL;
    oxmcp_result result = oxmcp_client_list_tools(client, NULL, &tools, error);
    for (size_t i = 0; i < oxmcp_json_count(tools, "/tools") && result == OXMCP_OK; i++) {
        char place[64];
        oxmcp_str name, schema;
        snprintf(place, sizeof place, "/tools/%zu/name", i);
        if (!oxmcp_json_string(tools, place, &name) || strcmp(name.data, "json_schema_2020_12_tool") != 0)
            continue;
        snprintf(place, sizeof place, "/tools/%zu/inputSchema", i);
        if (!oxmcp_json_value(tools, place, &schema))
            continue;
        size_t size = schema.len + 64;
        char *arguments = malloc(size);
        if (!arguments)
            break;
        snprintf(arguments, size, "{\"schema\":%s}", schema.data);
        result = oxmcp_client_call_tool(client, "json_schema_echo", arguments, NULL, &echoed, error);
        free(arguments);
    }
    if (result == OXMCP_OK && !echoed) {
        fprintf(stderr, "the tool to echo is missing\n");
        exit(1);
    }
    oxmcp_json_free(echoed);
    oxmcp_json_free(tools);
    return result;
}
