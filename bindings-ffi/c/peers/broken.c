/* A server that breaks off. It speaks the revision 2025-11-25 until a tool is called, and then does what it was started
 * with: exit, garbage, half, hang or flood. With "dead" it exits at once, with "silent" it never says anything. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(const char *line, const char *rest);
static void break_off(const char *how, const char *line);

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "exit";
    if (strcmp(how, "dead") == 0)
        return 3;
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(how, "silent") == 0)
            continue;
        if (strstr(line, "\"method\":\"initialize\""))
            answer(line, "\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
                         "\"serverInfo\":{\"name\":\"broken\",\"version\":\"0\"}}");
        else if (strstr(line, "\"method\":\"tools/call\""))
            break_off(how, line);
        else if (strstr(line, "\"id\":"))
            answer(line, "\"error\":{\"code\":-32601,\"message\":\"method not found\"}");
    }
    return 0;
}

static void answer(const char *line, const char *rest)
{
    const char *id = strstr(line, "\"id\":") + strlen("\"id\":");
    printf("{\"jsonrpc\":\"2.0\",\"id\":%.*s,%s}\n", (int)strcspn(id, ",}"), id, rest);
    fflush(stdout);
}

static void break_off(const char *how, const char *line)
{
    if (strcmp(how, "exit") == 0)
        exit(3);
    if (strcmp(how, "half") == 0) {
        printf("{\"jsonrpc\":\"2.0\",\"id\":");
        fflush(stdout);
        exit(0);
    }
    if (strcmp(how, "garbage") == 0) {
        printf("this is not JSON\n\xff\xfe\n[]\n{\n");
        answer(line, "\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"after garbage\"}]}");
    }
    if (strcmp(how, "flood") == 0) {
        printf("{\"jsonrpc\":\"2.0\",\"method\":\"");
        for (int i = 0; i < 20 << 20; i++)
            putchar('x');
        printf("\"}\n");
        answer(line, "\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"after the flood\"}]}");
    }
}
