/* SPDX-License-Identifier: Apache-2.0
 * Asks the engine what becomes of one message, again and again until all is decided, and prints it.
 *
 *   decide FOLDER MANIFEST MESSAGE SENDER RECIPIENT…
 *
 * Exit code: 0 decided, 1 refused, 2 usage.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/embed/penstock.h"

static char* read_file(const char* path) {
  FILE* file = fopen(path, "rb");
  char* text = NULL;
  long octets;
  if (file == NULL) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (octets = ftell(file)) >= 0) {
    rewind(file);
    text = calloc((size_t)octets + 1, 1);
    if (text != NULL && fread(text, 1, (size_t)octets, file) != (size_t)octets) {
      free(text);
      text = NULL;
    }
  }
  fclose(file);
  return text;
}

static void sleep_until(int64_t millis) {
  struct timespec time;
  time.tv_sec = (time_t)(millis / 1000);
  time.tv_nsec = (long)(millis % 1000) * 1000000L;
  while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL) != 0) {
  }
}

static void print(const penstock_decision* decision) {
  const penstock_outcome* one;
  size_t i;
  for (i = 0; (one = penstock_decision_outcome(decision, i)) != NULL; ++i) {
    printf("%s %s%s", one->recipient, penstock_action_name(one->action),
           one->added ? " added" : "");
    if (one->content != PENSTOCK_UNCHANGED) {
      printf(" replaced by %lu octets",
             (unsigned long)penstock_decision_content_octets(decision, one->content));
    }
    if (one->bounce_message[0] != '\0') printf(" \"%s\"", one->bounce_message);
    printf("\n");
  }
}

/* Decides, and goes on from the token for as long as it takes. A mail server would keep the token
 * beside the message and do something else meanwhile. */
static int run(penstock_engine* engine, const penstock_mail* mail) {
  penstock_decide_options once = PENSTOCK_DECIDE_OPTIONS;
  penstock_decision* decision;
  int code;
  once.patience = 0;
  decision = penstock_decide(engine, mail, &once);
  while (penstock_decision_code(decision) == PENSTOCK_OK && !penstock_decision_final(decision)) {
    size_t octets;
    const void* token = penstock_decision_token(decision, &octets);
    penstock_decision* next;
    printf("try again with %lu octets\n", (unsigned long)octets);
    sleep_until(penstock_decision_retry_at(decision));
    next = penstock_resume(engine, token, octets, &once);
    penstock_decision_free(decision);
    decision = next;
  }
  code = penstock_decision_code(decision) == PENSTOCK_OK ? 0 : 1;
  if (code == 0) {
    print(decision);
  } else {
    fprintf(stderr, "%s\n", penstock_decision_error(decision));
  }
  penstock_decision_free(decision);
  return code;
}

int main(int argc, char** argv) {
  penstock_options options = PENSTOCK_OPTIONS;
  penstock_mail mail = PENSTOCK_MAIL;
  penstock_engine* engine = NULL;
  char* error = NULL;
  char* manifest;
  int code;
  if (argc < 6 || (manifest = read_file(argv[2])) == NULL) {
    fprintf(stderr, "usage: decide FOLDER MANIFEST MESSAGE SENDER RECIPIENT...\n");
    return 2;
  }
  options.data_folder = argv[1];
  options.hostname = "mx.example.com";
  options.manifest = manifest;
  if (penstock_open(&options, &engine, &error) != PENSTOCK_OK) {
    fprintf(stderr, "%s\n", error);
    penstock_free(error);
    free(manifest);
    return 1;
  }
  free(manifest);
  mail.content_file = argv[3];
  mail.reverse_path = argv[4];
  mail.forward_paths = (const char* const*)&argv[5];
  mail.forward_path_count = (size_t)(argc - 5);
  code = run(engine, &mail);
  penstock_close(engine);
  return code;
}
