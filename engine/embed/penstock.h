// SPDX-License-Identifier: Apache-2.0
/* The engine within a mail server that is not C++: engine/embed/engine.h in C, which says what
 * everything does, on what threads callbacks run, and what errors mean.
 *
 *   penstock_options options = PENSTOCK_OPTIONS;
 *   options.data_folder = "/var/lib/mta/penstock";
 *   options.manifest = rules;
 *   penstock_engine* engine = NULL;
 *   char* error = NULL;
 *   if (penstock_open(&options, &engine, &error) != PENSTOCK_OK) { … penstock_free(error); }
 *
 * STRINGS are UTF-8 and end in a zero octet; null is the empty one. What is handed in is copied
 * before a function returns, but for a content that is read by a function. What is handed out
 * belongs to its object and goes with it. Structures begin with their size, which their
 * initializers set, so that later versions may add fields: of a smaller one they have their
 * defaults.
 * NULL is never a crash: where an object is needed, PENSTOCK_INVALID_ARGUMENT, and of no object
 * nothing is told (0, an empty text). A null callback is not called, and `release` is, once, also
 * for mail that is refused, unless the structure's size is not set.
 */
#ifndef PENSTOCK_ENGINE_EMBED_PENSTOCK_H_
#define PENSTOCK_ENGINE_EMBED_PENSTOCK_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct penstock_engine penstock_engine;
typedef struct penstock_decision penstock_decision; /* from decide to penstock_decision_free */
typedef struct penstock_delivery penstock_delivery; /* to penstock_delivery_finish */

/* penstock::ErrorCode. */
typedef enum penstock_code {
  PENSTOCK_OK = 0,
  PENSTOCK_INVALID_ARGUMENT = 1,
  PENSTOCK_NOT_FOUND = 2,
  PENSTOCK_FAILED_PRECONDITION = 3,
  PENSTOCK_RESOURCE_EXHAUSTED = 4,
  PENSTOCK_UNAVAILABLE = 5,
  PENSTOCK_DATA_LOSS = 6,
  PENSTOCK_INTERNAL = 7
} penstock_code;

typedef enum penstock_action {
  PENSTOCK_DROP = 0,
  PENSTOCK_BOUNCE = 1,
  PENSTOCK_MOVE_TO_JUNK = 2,
  PENSTOCK_ROUTE_TO_GATEWAY = 3,
  PENSTOCK_DEFAULT = 4,
  PENSTOCK_BYPASS_SPAM_CHECK = 5
} penstock_action;

typedef enum penstock_direction {
  PENSTOCK_INBOUND = 0,
  PENSTOCK_OUTBOUND = 1,
  PENSTOCK_AUTO = 2
} penstock_direction;

typedef enum penstock_marking {
  PENSTOCK_MARK_NONE = 0,
  PENSTOCK_MARK_JUNK = 1,
  PENSTOCK_MARK_BYPASS_SPAM_CHECK = 2
} penstock_marking;

typedef enum penstock_starttls {
  PENSTOCK_TLS_NONE = 0,
  PENSTOCK_TLS_MAY = 1,
  PENSTOCK_TLS_ENCRYPT = 2,
  PENSTOCK_TLS_VERIFY = 3
} penstock_starttls;

/* RFC 5321 §4.2. */
typedef struct penstock_reply {
  int code;           /* 250 */
  const char* status; /* "2.0.0", or empty */
  const char* text;
} penstock_reply;

/* Delivers, and says so by penstock_delivery_finish, from any thread. */
typedef void (*penstock_deliver)(void* data, penstock_delivery* delivery);

/* One of these: maildir, deliver, unix_path, smtp_host. */
typedef struct penstock_next_hop {
  size_t size;
  const char* name;
  int lmtp;
  const char* unix_path;
  const char* smtp_host;
  uint16_t smtp_port;
  penstock_starttls starttls;
  const char* ca_file;
  const char* server_name;
  const char* certificate_file;
  const char* key_file;
  const char* const* fallbacks; /* "host:port", "unix:/path" */
  size_t fallback_count;
  const char* user; /* our login there; empty: none */
  const char* password_file;
  const char* maildir; /* absolute; {domain} and {local_part} stand for those of the recipient */
  int return_path;     /* whether a Maildir gets a Return-Path field */
  penstock_deliver deliver;
  void* deliver_data;
} penstock_next_hop;

#define PENSTOCK_NEXT_HOP                                                                         \
  {                                                                                               \
    sizeof(penstock_next_hop), NULL, 0, NULL, NULL, 25, PENSTOCK_TLS_MAY, NULL, NULL, NULL, NULL, \
        NULL, 0, NULL, NULL, NULL, 0, NULL, NULL                                                  \
  }

/* `line` is one line of the log, without a line end. `severity`: 0 debug to 3 error. */
typedef void (*penstock_log)(void* data, int severity, const char* line);

typedef struct penstock_options {
  size_t size;
  const char* data_folder; /* REQUIRED */
  const char* hostname;
  const char* manifest; /* its text, YAML */
  size_t threads;
  const char* content_listen; /* "127.0.0.1:0"; empty: none */
  const char* content_target;
  const void* token_key; /* null: the data folder's own */
  size_t token_key_octets;
  int strict;
  const penstock_next_hop* const* next_hops; /* the rest is for penstock_accept */
  size_t next_hop_count;
  const char* route_inbound;
  const char* route_outbound;
  const char* route_bounces;
  const char* route_junk;
  const char* route_bypass_spam_check;
  uint64_t delivery_expiry; /* milliseconds */
  uint64_t message_octets_max;
  penstock_log log;
  void* log_data;
} penstock_options;

#define PENSTOCK_OPTIONS                                                                           \
  {                                                                                                \
    sizeof(penstock_options), NULL, NULL, NULL, 0, "127.0.0.1:0", NULL, NULL, 0, 0, NULL, 0, NULL, \
        NULL, NULL, NULL, NULL, 432000000U, 41943040U, NULL, NULL                                  \
  }

/* Opens an engine. `error`: if not null, set to a text for penstock_free where it fails. */
penstock_code penstock_open(const penstock_options* options, penstock_engine** engine,
                            char** error);

/* Starts nothing any more, waits at most `limit` milliseconds; not 0: everything has ended. */
int penstock_stop(penstock_engine* engine, uint64_t limit);

/* Stops it, if it has not been stopped. Null is none. */
void penstock_close(penstock_engine* engine);

/* Replaces organizations, hooks and rules. `error`: as penstock_open. */
penstock_code penstock_apply(penstock_engine* engine, const char* manifest, const char* who,
                             char** error);

void penstock_free(char* text);

/* Reads up to `octets` octets from `offset` on; how many, 0 at the end, -1 if it cannot. */
typedef int64_t (*penstock_read)(void* data, uint64_t offset, char* buffer, size_t octets);

typedef struct penstock_mail {
  size_t size;
  penstock_direction direction;
  const char* organization;
  const char* client_address;
  const char* client_helo;
  const char* client_with;
  const char* client_login;
  int client_trusted;
  const char* reverse_path; /* empty: the null path */
  const char* const* forward_paths;
  size_t forward_path_count;
  int smtputf8;
  int body_8bit;
  const char* mail_parameters;        /* "RET=HDRS ENVID=QQ314159" */
  const char* const* rcpt_parameters; /* "NOTIFY=NEVER", of each forward-path, or null; or null */
  const void* content;                /* the octets; or, if null, */
  uint64_t content_octets;
  const char* content_file; /* a file; or, if null, */
  penstock_read read;       /* a function, for `content_octets` octets, called from any thread */
  void* read_data;
  void (*release)(void* data); /* of `read_data`, when nothing reads any more; may be null */
} penstock_mail;

#define PENSTOCK_MAIL                                                                             \
  {                                                                                               \
    sizeof(penstock_mail), PENSTOCK_INBOUND, "default", NULL, NULL, NULL, NULL, 0, NULL, NULL, 0, \
        0, 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL                                         \
  }

typedef struct penstock_decide_options {
  size_t size;
  uint64_t patience; /* milliseconds */
  int only_plan;
} penstock_decide_options;

#define PENSTOCK_DECIDE_OPTIONS \
  { sizeof(penstock_decide_options), 20000, 0 }

/* Gets the decision, which is its own to free, on a thread of the engine's; where `mail` is refused
 * at once, before the call returns. */
typedef void (*penstock_decided)(void* data, penstock_decision* decision);

/* Never null. `options` null: the defaults. */
penstock_decision* penstock_decide(penstock_engine* engine, const penstock_mail* mail,
                                   const penstock_decide_options* options);
penstock_decision* penstock_resume(penstock_engine* engine, const void* token, size_t octets,
                                   const penstock_decide_options* options);
void penstock_decide_async(penstock_engine* engine, const penstock_mail* mail,
                           const penstock_decide_options* options, penstock_decided done,
                           void* data);
void penstock_resume_async(penstock_engine* engine, const void* token, size_t octets,
                           const penstock_decide_options* options, penstock_decided done,
                           void* data);
void penstock_decision_free(penstock_decision* decision);

#define PENSTOCK_UNCHANGED ((size_t)-1)

typedef struct penstock_outcome {
  const char* recipient;
  int added;
  int decided; /* 0: what follows, but for rule, why and the message, is empty */
  penstock_action action;
  const char* bounce_message;
  int tell_sender;
  const char* gateway;
  size_t content; /* for penstock_decision_content_read; PENSTOCK_UNCHANGED: as it was given */
  const char* rule;
  const char* why;
  const char* decided_by;
  const char* message_id;
  const char* organization;
  const char* trace_field; /* with its CRLF, to go above what is sent */
} penstock_outcome;

/* Not PENSTOCK_OK: `error` says what, and nothing else is there. */
penstock_code penstock_decision_code(const penstock_decision* decision);
const char* penstock_decision_error(const penstock_decision* decision);
/* Not 0: everything is decided. */
int penstock_decision_final(const penstock_decision* decision);
size_t penstock_decision_outcome_count(const penstock_decision* decision);
/* Null past the last. */
const penstock_outcome* penstock_decision_outcome(const penstock_decision* decision, size_t i);
/* Milliseconds since 1970, not before the time that engine.h tells. */
int64_t penstock_decision_retry_at(const penstock_decision* decision);
const void* penstock_decision_token(const penstock_decision* decision, size_t* octets);
size_t penstock_decision_history_count(const penstock_decision* decision);
const char* penstock_decision_history(const penstock_decision* decision, size_t i);
/* Of what a hook has put. */
uint64_t penstock_decision_content_octets(const penstock_decision* decision, size_t content);
int penstock_decision_content_smtputf8(const penstock_decision* decision, size_t content);
int penstock_decision_content_8bit(const penstock_decision* decision, size_t content);
int64_t penstock_decision_content_read(const penstock_decision* decision, size_t content,
                                       uint64_t offset, char* buffer, size_t octets);

/* "DROP" and the like. */
const char* penstock_action_name(penstock_action action);

/* Gives `mail` away; `hold` in milliseconds. Not PENSTOCK_OK: it was not taken, and `reply`, if not
 * null, has code 0 and empty texts. They stay until this thread's next call. */
penstock_code penstock_accept(penstock_engine* engine, const penstock_mail* mail, uint64_t hold,
                              penstock_reply* reply, char** error);

/* The reply, and the error's text, are there for as long as the callback takes. */
typedef void (*penstock_accepted)(void* data, penstock_code code, const penstock_reply* reply,
                                  const char* error);
void penstock_accept_async(penstock_engine* engine, const penstock_mail* mail, uint64_t hold,
                           penstock_accepted done, void* data);

const char* penstock_delivery_next_hop(const penstock_delivery* delivery);
const char* penstock_delivery_message_id(const penstock_delivery* delivery);
const char* penstock_delivery_reverse_path(const penstock_delivery* delivery);
size_t penstock_delivery_forward_path_count(const penstock_delivery* delivery);
const char* penstock_delivery_forward_path(const penstock_delivery* delivery, size_t i);
int penstock_delivery_smtputf8(const penstock_delivery* delivery);
int penstock_delivery_8bit(const penstock_delivery* delivery);
const char* penstock_delivery_mail_parameters(const penstock_delivery* delivery);
const char* penstock_delivery_rcpt_parameters(const penstock_delivery* delivery, size_t i);
penstock_marking penstock_delivery_marking(const penstock_delivery* delivery);
const char* penstock_delivery_trace_field(const penstock_delivery* delivery);
uint64_t penstock_delivery_octets(const penstock_delivery* delivery);
int64_t penstock_delivery_read(const penstock_delivery* delivery, uint64_t offset, char* buffer,
                               size_t octets);
/* Ends it: `count` replies, one for each forward-path. The delivery is gone then. */
void penstock_delivery_finish(penstock_delivery* delivery, const penstock_reply* replies,
                              size_t count);

#ifdef __cplusplus
}
#endif

#endif /* PENSTOCK_ENGINE_EMBED_PENSTOCK_H_ */
