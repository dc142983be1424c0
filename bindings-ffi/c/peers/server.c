/* A server with the tests' tools. Usage: server [--port N] */

#include "../tests/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    oxmcp_server_options options = {
        .size = sizeof options,
        .name = "peer",
        .version = "1.2.3",
        .title = "A peer",
        .instructions = "Call its tools.",
        .page_size = 4,
    };
    oxmcp_server *server = NULL;
    oxmcp_error *error = NULL;
    oxmcp_result result = oxmcp_server_new(&options, &server, &error);
    if (result == OXMCP_OK)
        result = add_tools(server, &error);
    if (result == OXMCP_OK && argc == 3 && strcmp(argv[1], "--port") == 0) {
        oxmcp_http_options http = {.size = sizeof http, .port = (uint16_t)atoi(argv[2])};
        result = oxmcp_server_listen_http(server, &http, NULL, &error);
    } else if (result == OXMCP_OK) {
        result = oxmcp_server_serve_stdio(server, &error);
        /* It may not reach the client, which would not understand it. */
        printf("printed by the program itself\n");
        fflush(stdout);
    }
    if (result == OXMCP_OK)
        result = oxmcp_server_run(server, &error);
    if (result != OXMCP_OK)
        fprintf(stderr, "%s\n", oxmcp_error_message(error));
    oxmcp_error_free(error);
    oxmcp_server_free(server);
    return result == OXMCP_OK ? 0 : 1;
}
