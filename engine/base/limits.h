// SPDX-License-Identifier: Apache-2.0
// Every limit of the house, one line each: name, value, unit, source, and what happens beyond it.
// A number that bounds something stands here and nowhere else. What an operator may change is a
// field of proto/penstock/v1/config.proto whose default is the line here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace penstock::limits {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// clang-format off
// Rules (R)
inline constexpr minutes kRuleTimeoutMax{240};  // R10: a longer one is refused
inline constexpr std::size_t kRuleSenderPatternsWarn = 250;  // patterns a rule, R13: warned about, refused under --compat
inline constexpr std::size_t kOrganizationSenderPatternsWarn = 1000;  // patterns an organization, R13: the same
inline constexpr std::size_t kResourceNameOctetsMax = 63;  // a rule's, hook's, organization's name: refused
inline constexpr std::size_t kRuleSetPatternsMax = 10'000'000;  // of an organization and direction, R13 asks for 1,000,000 at least: refused

// Mailboxes (RFC 5321 §4.5.3.1)
inline constexpr std::size_t kLocalPartOctetsMax = 250;  // §4.5.3.1.1 asks for 64; VERP and SRS make longer ones: 501 5.1.3 / pattern refused
inline constexpr std::size_t kDomainOctetsMax = 255;  // §4.5.3.1.2: the same
inline constexpr std::size_t kPathOctetsMax = 256;  // §4.5.3.1.3, angle brackets counted: the same

// Fields (mail): what GMime is given; it recurses into nested groups and is quadratic on some junk
inline constexpr std::size_t kAddressFieldOctetsMax = 8192;  // of all From, and of all Sender fields: the field counts as absent (R4)
inline constexpr std::ptrdiff_t kAddressFieldColonsMax = 256;  // in one field: the same
inline constexpr std::size_t kSubjectOctetsMax = 16'384;  // before decoding, E4: cut there
inline constexpr std::size_t kMsgIdOctetsMax = 998;  // of a Message-ID on record, RFC 5322 §2.1.1: cut there

// Fields that we write
inline constexpr std::size_t kFieldLineOctetsWanted = 78;  // RFC 5322 §2.1.1, without CRLF: folded before
inline constexpr std::size_t kFieldLineOctetsMax = 998;  // the same: never longer

// The event (E)
inline constexpr std::size_t kSubjectCodePointsMax = 256;  // E4: cut there
inline constexpr std::size_t kEventOctetsMax = 131'072;  // of compact JSON, E5: recipients dropped from the tail
inline constexpr std::size_t kEventIdOctetsMax = 120;  // of an invocation or message id read back, E6: refused
inline constexpr std::size_t kEventFileOctetsMax = 1U << 20U;  // of an event read back, spaces counted: refused

// Hooks (H)
inline constexpr seconds kSyncCallDeadline{15};  // H2: the attempt fails
inline constexpr seconds kAsyncCallDeadline{60};  // H2: the default; the attempt fails
inline constexpr seconds kAsyncCallDeadlineMin{1};  // a shorter setting is refused
inline constexpr minutes kAsyncCallDeadlineMax{15};  // H2: a longer setting is refused
inline constexpr std::size_t kAnswerOctetsMax = 262'144;  // as serialized, H2: the attempt fails
inline constexpr std::size_t kAnswerFileOctetsMax = 16 * kAnswerOctetsMax;  // of an answer read from a file: refused, whatever its own length would be
inline constexpr std::size_t kAnswerActionsMax = 10;  // unique actions, H8: later ones do not count
inline constexpr std::size_t kAnswerWarningsMax = 100;  // of one answer: further ones are counted only
inline constexpr std::size_t kAnswerDepthMax = 64;  // nested arrays and objects in JSON: the attempt fails
inline constexpr milliseconds kRetryBackoffFirst{1000};  // H3
inline constexpr int kRetryBackoffFactor = 2;  // H3
inline constexpr milliseconds kRetryBackoffMax{60'000};  // H3
inline constexpr std::size_t kOutboundRecipientsMax = 500;  // H11: 452 4.5.3; additions left out
inline constexpr int kAsyncRetriesDefault = 2;  // H12: then the dead-letter list
inline constexpr seconds kAsyncRetryFirst{60};  // H12: 60 s, then doubled
inline constexpr seconds kAsyncRetryMax{3600};  // H12: where more retries than 2 are set, the longest wait
inline constexpr std::size_t kAsyncQueueMax = 100'000;  // events a hook, H12: beyond it to the dead-letter list
inline constexpr std::size_t kDeadLettersMax = 100'000;  // events a hook, H12: beyond it the oldest is dropped and counted
inline constexpr std::size_t kRedriveBatch = 100;  // dead letters of one RedriveDeadLetters call: more are refused, or go on in the next
inline constexpr int kRedriveTriesMax = 3;  // of a batch, of which the list's bound drops one meanwhile: then ABORTED
inline constexpr std::size_t kHookCallsMax = 64;  // calls at a time a hook, H13: others wait their turn
inline constexpr std::size_t kHookCallsCeiling = 10'000;  // a larger setting of calls at a time is refused
inline constexpr std::size_t kAsyncEventsCeiling = 10'000'000;  // a larger setting of queue or dead letters is refused
inline constexpr int kAsyncRetriesCeiling = 10;  // a larger setting is refused
inline constexpr std::size_t kHookTargetOctetsMax = 4096;  // of a gRPC name: refused
inline constexpr std::size_t kPermissionsMax = 1000;  // statements a hook: refused
inline constexpr std::size_t kLabelsMax = 64;  // a hook: refused
inline constexpr std::size_t kLabelOctetsMax = 255;  // of a label's key, of its value: refused
inline constexpr std::size_t kDescriptionOctetsMax = 1024;  // of a resource: refused

inline constexpr milliseconds kReconnectFirst{200};  // pause before connecting to a hook again; doubled up to the next line
inline constexpr milliseconds kReconnectMax{5000};  // keeps a hook that is back from waiting long for its next call; also how long one connection may take to come up
inline constexpr seconds kOutlierInterval{10};  // H13: between two looks at how a hook's endpoints have fared
inline constexpr seconds kOutlierEjection{30};  // H13: an endpoint whose calls have all failed gets none for so long; longer each further time
inline constexpr int kOutlierEjectedPercentMax = 50;  // H13: of a hook's endpoints: further ones go on getting calls
inline constexpr int kOutlierCallsMin = 5;  // H13: of an endpoint in an interval; on fewer it is not judged
inline constexpr int kHookMessageOctetsMax = 4 << 20U;  // of an answer as gRPC reads it: the call fails; SYNC ones have kAnswerOctetsMax
inline constexpr std::size_t kGuestFunctionsMax = 16;  // posted while a gRPC thread runs a callback, and run by it: the pool runs the rest
inline constexpr std::uint64_t kHookStreamCallsMax = 100'000;  // on one stream: the next calls go to another, and with it perhaps to another endpoint (H13)
inline constexpr seconds kHookStreamAgeMax{60};  // the same
inline constexpr seconds kHookStreamEndMax{15};  // for a hook to end its side once it has no calls: the stream is cancelled

// Messages (M, A)
inline constexpr std::uint64_t kMessageOctetsMax = 40ULL << 20U;  // M5: 552 5.3.4
inline constexpr std::size_t kHeaderSectionOctetsMax = 1U << 20U;  // RFC 5322 names none: 552 5.3.4
inline constexpr hours kContentRetention{24};  // M5: from acceptance
inline constexpr std::size_t kReleaseBatch = 16;  // retained contents released at a time while the disk is short, M5: then the room is looked at again
inline constexpr seconds kRoomWait{30};  // for another that makes room on disk: refused then
inline constexpr std::size_t kExpiredBatch = 500;  // retained contents whose time is over, released in one transaction
inline constexpr std::size_t kContentScanSlice = 1U << 20U;  // octets of content read between two turns of others on the thread
inline constexpr days kHistoryRetention{30};  // A6
inline constexpr std::size_t kBounceMessageCodePointsMax = 1024;  // A3: cut there
inline constexpr std::size_t kDsnHeaderOctetsMax = 65'536;  // of the undelivered message's fields that a DSN carries, A3: later ones are left out
inline constexpr std::size_t kReceivedFieldsMax = 100;  // A4, RFC 5321 §6.3: 554 5.4.6
inline constexpr days kDeliveryExpiry{5};  // A8, RFC 5321 §4.5.4.1: then bounced
inline constexpr milliseconds kDeliveryBackoffFirst{60'000};  // A8
inline constexpr milliseconds kDeliveryBackoffMax{3'600'000};  // A8
inline constexpr std::size_t kInboundRecipientsMax = 1000;  // RFC 5321 §4.5.3.1.8 asks for 100 at least: 452 4.5.3

// SMTP (RFC 5321 §4.5.3)
inline constexpr std::size_t kCommandLineOctetsMax = 2048;  // §4.5.3.1.4 asks for 512 and room for parameters: 500 5.5.6
inline constexpr std::size_t kTextLineOctetsMax = 1U << 20U;  // §4.5.3.1.6 asks for 1000; mail with longer lines exists and leaves as it came:
                // 500 5.5.6
inline constexpr std::size_t kReplyLineOctetsMax = 1024;  // §4.5.3.1.5 asks for 512; of a next hop: transaction given up
inline constexpr std::size_t kReplyLinesMax = 128;  // of one reply of a next hop: transaction given up
inline constexpr std::size_t kReplyTextOctetsMax = 4096;  // of the text of one reply of a next hop: a line beyond is read and left out
inline constexpr seconds kCommandTimeout{300};  // §4.5.3.2.7: 421 4.4.2
inline constexpr seconds kDataBlockTimeout{180};  // §4.5.3.2.5: 421 4.4.2
inline constexpr seconds kDataTimeout{7200};  // of a message from DATA to its final dot, however steadily it drips: 421 4.4.2
inline constexpr std::size_t kSkippedLineOctetsMax = 1U << 20U;  // of a command line that is too long: then 421 4.7.0
inline constexpr int kBadCommandsMax = 20;  // in a session: 421 4.7.0
inline constexpr std::size_t kConnectionsMax = 1000;  // a listener: 421 4.3.2
inline constexpr std::size_t kConnectionsPerClientMax = 100;  // of one address that is not trusted, a listener: 421 4.7.0
inline constexpr std::uint64_t kIncomingOctetsMax = 1ULL << 30U;  // of messages coming in at a time, over all connections: 452 4.3.1
inline constexpr milliseconds kAcceptRetry{100};  // after a failed accept, such as without file descriptors
inline constexpr seconds kConnectTimeout{30};  // to a next hop: attempt fails
inline constexpr seconds kReplyTimeout{300};  // of a next hop, §4.5.3.2: attempt fails
inline constexpr seconds kDataReplyTimeout{
    600};  // of a next hop after the final dot, §4.5.3.2.6: attempt fails
inline constexpr std::size_t kPipelinedCommandsMax = 100;  // to a next hop in one write, RFC 2920: then replies are read first
inline constexpr std::size_t kContentChunkOctets = 64U << 10U;  // of content in memory, M6
inline constexpr std::size_t kFileNameOctetsMax = 255;  // Linux's NAME_MAX; a recipient whose Maildir would need more: 550 5.1.1
inline constexpr std::size_t kMaildirsSettledMax = 10'000;  // Maildirs of a next hop known to be durable: beyond it all are synced once more
inline constexpr seconds kConnectionIdle{5};  // to a next hop, between messages: then QUIT
inline constexpr seconds kConnectionAgeMax{300};  // of a connection that is used again and again: then QUIT
inline constexpr std::size_t kAddressesMax = 5;  // of a next hop's host name: further ones are not tried
inline constexpr seconds kLingerTimeout{2};  // after our last reply: then the connection is reset
inline constexpr std::size_t kLingerOctetsMax = 1U << 20U;  // dropped after our last reply: then the connection is reset

// The daemon
inline constexpr std::size_t kRecentContentOctetsMax = 8U << 20U;  // of contents that the store has in memory as well: older ones are read from disk
inline constexpr int kFreedMemoryKeptOctets = 1 << 20;  // by each of the allocator's arenas: the system has back what is free beyond
inline constexpr seconds kListenerCloseWait{5};  // for connections of a listener that a reload took away: closed then
inline constexpr minutes kPurgeInterval{10};  // between two looks for messages past kHistoryRetention
inline constexpr std::size_t kPurgeBatch = 500;  // messages taken off the record in one transaction
inline constexpr seconds kScheduleLookMax{30};  // between two looks at the wall clock while nothing is due
inline constexpr milliseconds kClockJump{5000};  // H3: of the wall clock; a larger one is not followed while something waits
inline constexpr std::size_t kAsyncBatch = 64;  // events of one hook read from the queue at a time
inline constexpr milliseconds kCommitPatience{2};  // that the record of a message's end waits for another commit to go with: goes alone
inline constexpr milliseconds kCommitRetry{1000};  // pause after a commit that the disk refused; then again
inline constexpr std::size_t kCommitFailuresALine = 60;  // tries of one step between two log lines: a full disk is not filled by the log
inline constexpr std::size_t kLogRecipientsMax = 100;  // in a log line: further ones are counted only
inline constexpr std::size_t kLogDetailOctetsMax = 300;  // of a text in a log line: cut there
inline constexpr std::size_t kMessagesActiveMax = 2000;  // messages worked on at a time: others wait in the schedule
inline constexpr std::size_t kInterventionsMax = 100;  // of administrators, retries and cancels, at a time: further ones are refused
inline constexpr std::size_t kOpenMessagesMax = 1'000'000;  // not closed: MAIL is answered 451 4.3.2
inline constexpr milliseconds kTurnBackFirst{1000};  // H13: first pause of a message that its hook or next hop has no place for
inline constexpr milliseconds kTurnBackSpacing{5};  // H13: between two such messages of a hook or next hop
inline constexpr seconds kDrainDeadline{
    30};  // on SIGTERM: what runs longer is left to the next start
inline constexpr milliseconds kAsyncStopGrace{2000};  // of ASYNC calls that run when the daemon stops: then cancelled, to come again
inline constexpr std::size_t kCommitQueueMax = 4096;  // transactions waiting for the disk: further ones fail, to be tried again
inline constexpr std::size_t kReadQueueMax = 8192;  // reads waiting for the store: further ones fail, to be tried again
inline constexpr std::uint64_t kDiskReserveOctets = 128ULL << 20U;  // kept free for the log, outcomes and bounces of mail that is here: 452 4.3.1
inline constexpr std::uint64_t kDiskReservePart = 8;  // the reserve is no more than this part of a small disk
inline constexpr std::size_t kInlineContentOctetsMax = 16'384;  // content: longer ones go to segments (engine/store/FORMAT.md)
inline constexpr std::size_t kSegmentOctets = 64U << 20U;  // of one segment of content: then the next begins
inline constexpr int kWriteAheadPagesMax = 4000;  // of 4 KiB in SQLite's log: then it is moved into the database
inline constexpr std::size_t kWriteAheadFileOctetsMax = 64U << 20U;  // kept of that log's file when it is empty: the rest is cut off
inline constexpr milliseconds kFailedCommitRepair{1000};  // pause between tries to overwrite what a failed commit left in the log
inline constexpr std::size_t kDeliveriesAtOnceMax = 20;  // a next hop, like Postfix's default: others wait their turn
inline constexpr std::size_t kFiguresMax = 10'000;  // hooks, next hops that figures are kept of: further ones are not counted
inline constexpr std::size_t kTestLosersMax = 100'000;  // rules that lost, in one TestFlowRules answer: further ones are left out
inline constexpr std::size_t kListPageMax = 1000;  // rows of a List call: a larger page size is cut
inline constexpr std::size_t kListPageOctets = 16U << 20U;  // of a List response: a page that has more ends there
inline constexpr std::size_t kMessagesReadMax = 50;  // message records read at a time for a page, so that kListPageOctets holds about
inline constexpr std::size_t kChangesReadMax = 50;  // change records read at a time for a page, so that kListPageOctets holds about
inline constexpr std::size_t kMessagesLookedAtMax = 5000;  // of one ListMessages call, for those of one hook: the page ends there
inline constexpr std::size_t kListPageDefault = 100;  // rows of a List call that names no page size
inline constexpr std::size_t kYamlOctetsMax = 64U << 20U;  // of a configuration or manifest: refused
inline constexpr std::size_t kYamlNodesMax = 4'000'000;  // values in it, aliases unfolded: refused
inline constexpr std::size_t kYamlUnfoldingMax = 10;  // values for each octet of it: refused
inline constexpr std::size_t kYamlFaultsMax = 50;  // told about one file: further ones are counted only
inline constexpr std::size_t kManifestFaultsOctets = 4096;  // of the text of an error, which travels in a header: further lines are left out
inline constexpr std::size_t kManifestWarningsMax = 50;  // told about one manifest, R13: further ones are counted only
inline constexpr std::size_t kQuietRulesMax = 1000;  // rules of a manifest: for more of them the command line says what it is doing
inline constexpr std::size_t kDifferenceCellsMax = 1'000'000;  // lines before times lines after that are compared: beyond, all go and all come
inline constexpr seconds kAdminCallDeadline{30};  // of the command line's calls: exit code 3
inline constexpr seconds kProgressInterval{1};  // between two lines that say how far a command is
inline constexpr milliseconds kImpatienceLook{100};  // between two looks whether a second SIGTERM has come, which ends the daemon at once
inline constexpr seconds kCompletionDeadline{1};  // of names asked for while a line is typed: none are offered
inline constexpr int kAdminMessageOctetsMax = 64 << 20;  // a request or response of the admin API: refused
inline constexpr seconds kAdminStopDeadline{5};  // of admin calls that run when the daemon stops: cancelled
inline constexpr std::size_t kUserNameOctetsMax = 255;  // that a client gives of itself, R14: cut there
inline constexpr std::size_t kTestRecipientsMax = 1000;  // of one TestFlowRules call: refused
inline constexpr std::size_t kTrialsMax = 16;  // hooks that one test of the rules calls, R15: a test that would call more is refused
inline constexpr seconds kTrialTurnWait{15};  // of a trial for its turn at a hook, H13: refused then
inline constexpr seconds kTrialCallDeadline{45};  // of the command line's call that makes one SYNC trial: its turn, its 15 s, and some for the way; exit code 3
inline constexpr minutes kTrialCallDeadlineMax{20};  // the same where a trial may be ASYNC, which an operator may give 15 min
inline constexpr milliseconds kTrialGivenUpLook{200};  // between two looks whether whoever asked for a trial is still there

// The content API (M, P2)
inline constexpr std::size_t kCapabilityOctetsMax = 512;  // of one, hook.proto: a longer one is no capability
inline constexpr hours kCapabilityKeyAge{24};  // of the key that signs: then a new one does
inline constexpr hours kCapabilityKeyGrace{24};  // of a key when all that it signed has expired: as long NOT_FOUND can be said (M3)
inline constexpr std::size_t kContentPieceOctets = 64U << 10U;  // of one piece of a Get, message_flow.proto
inline constexpr std::size_t kContentPutPieceOctetsMax = 1U << 20U;  // of one piece of a Put, the same: INVALID_ARGUMENT; RESOURCE_EXHAUSTED where gRPC sees it first
inline constexpr std::size_t kContentPiecesAhead = 16;  // of one Get, read and not sent: reading waits
inline constexpr std::size_t kContentGrpcOctetsMax = 256U << 20U;  // of what gRPC holds for all content calls: it ends some of them, RESOURCE_EXHAUSTED
inline constexpr std::size_t kContentPieceOverhead = 512;  // octets that a piece of a Put takes beside its own: kContentOctetsAhead counts both
inline constexpr std::size_t kContentOctetsAhead = 1U << 20U;  // of one Put, received and not written, and again on the way, gRPC's window: receiving waits
inline constexpr seconds kContentPieceWait{30};  // for a client to take or send a piece: the call ends
inline constexpr std::size_t kContentStreamsOfHook = 32;  // at a time: further ones wait their turn
inline constexpr seconds kContentTurnWait{10};  // for that: RESOURCE_EXHAUSTED
inline constexpr std::size_t kContentThreads = 4;  // that read and write content for hooks
inline constexpr int kContentStreamsOfConnection = 100;  // gRPC holds further ones back
inline constexpr minutes kContentConnectionIdle{5};  // without a call: closed, gRPC connects again
inline constexpr seconds kContentStopDeadline{2};  // for content calls that run at a stop: cut off

// Checks of replaced content and safe edits (M4)
inline constexpr std::size_t kContentLineOctetsMax = 1000;  // with CRLF, M4, RFC 5321 §4.5.3.1.6: a Put with a longer line is refused
inline constexpr std::size_t kMimeDepthMax = 400;  // parts within each other: what lies deeper is not looked into
inline constexpr std::size_t kBoundaryOctetsMax = 250;  // RFC 2046 §5.1.1 allows 70: a longer one counts as none
inline constexpr std::size_t kMimeFieldOctetsMax = 8192;  // of a Content-Type, Content-Disposition or Content-Transfer-Encoding field: cut there
inline constexpr std::size_t kMimeParametersMax = 64;  // of such a field: later ones are not read
inline constexpr std::size_t kFieldNamesMax = 64;  // once-only fields looked for in one header section, M4: later ones are not
inline constexpr std::size_t kFieldNameOctetsKept = 200;  // of the name of a field with a defect, M4: cut there
inline constexpr std::size_t kDefectsOfAKindMax = 256;  // places with a defect of one kind that are remembered, M4: CheckReplacement says what then
inline constexpr std::size_t kBodyLineOctetsKept = 512;  // of a body line that comes in pieces: enough for any delimiter and its white space
inline constexpr std::size_t kCharsetNameOctetsMax = 40;  // RFC 2978 §2.3: a longer one is unknown
inline constexpr std::size_t kEditedPartsMax = 20'000;  // of a mail whose body a hook edits in its memory: refused, the mail stays as it came
inline constexpr std::size_t kRefusalsTold = 5;  // faults in the text of one refusal, M4: further ones are counted only
inline constexpr std::size_t kRefusalNameOctetsMax = 80;  // of a field's name in it: cut there
inline constexpr std::size_t kRefusalPathOctetsMax = 120;  // of a part's path in it: cut there

// The C++ SDK of hooks
inline constexpr std::size_t kSdkChannelsMax = 64;  // content targets, of which an installation has one or two: beyond it all are connected to anew
inline constexpr int kSdkServerThreads = 16;  // of gRPC's own, beside those of the calls

// Checks of a hook from outside
inline constexpr seconds kHookProbeDeadline{3};  // until a hook is reached, and for what it says of itself: it counts as not reachable
inline constexpr int kHookChecksTogether = 16;  // calls at a time, and calls that are cancelled
inline constexpr milliseconds kHookCheckCancelAfter{20};  // from sending a call that is to be cancelled
inline constexpr int kHookCheckHungMax = 2;  // checks in a row without an answer in time: the others are not tried
inline constexpr int kHookCheckSlowPart = 3;  // an answer that takes more than this part of the deadline is warned about
inline constexpr std::size_t kHookCheckFoundOctetsMax = 1'024;  // of what a hook says, in a report: cut

// TLS (P3)
inline constexpr std::size_t kTlsFileOctetsMax = 4 * 1024 * 1024;  // of a PEM file; a bundle of all public authorities has 220 KiB: refused
inline constexpr hours kCertificateExpiryWarn{14 * 24};  // left to a certificate: warned about
inline constexpr seconds kTlsProbeTime{3};  // for finding out why a hook, or the daemon, cannot be reached: gRPC's own words then
inline constexpr seconds kTlsProbeEvery{1};  // at most, for each hook: what was found out counts so long
inline constexpr seconds kTlsHandshakeTime{30};  // of an SMTP connection: it is closed
inline constexpr seconds kTlsRefusalLogEvery{1};  // for one line of a TLS handshake of gRPC's that failed: further ones are counted in the next

// Milter, and held replies (A7)
inline constexpr std::size_t kMilterFrameOctetsMax = 1U << 20U;  // of one frame, its command counted: a body chunk has 65,535, a header field may be longer; the connection is closed
inline constexpr std::size_t kMilterMacrosMax = 64;  // of one stage: the connection is closed
inline constexpr std::size_t kMilterMacroOctetsMax = 16U << 10U;  // names and values of one stage: the connection is closed
inline constexpr std::size_t kMilterArgumentsMax = 64;  // of one MAIL or RCPT: the connection is closed
inline constexpr std::size_t kMilterSpellingsMax = 100;  // RCPTs of one recipient, each of which has to be deleted by itself: a further one gets 452 4.5.3
inline constexpr std::size_t kMilterReplyOctetsMax = 980;  // of the text of a reply: Sendmail takes a line of at most 980; cut there
inline constexpr minutes kMilterEventTimeout{30};  // of waiting for an MTA's next event: its SMTP client may take the times of RFC 5321 §4.5.3.2, and Postfix keeps a connection while a session is open; closed then
inline constexpr seconds kMilterProgress{10};  // between two signs of life while a reply is held: Postfix waits for 300 s, Sendmail for 10 s where it is told so
inline constexpr seconds kMilterHold{20};  // that a milter listener holds its reply by default, A7: one attempt of a hook has 15 s (H2); our queue, or the fallback then
inline constexpr seconds kHoldMax{240};  // that a listener may be configured to hold its reply, A7: Postfix gives up a milter after 300 s; refused
inline constexpr std::size_t kHeldMax = 500;  // messages whose replies are held at a time, A7: a further one is answered as past its hold

// LMTP
inline constexpr std::size_t kLmtpRepliesMax = 100'000;  // RCPTs taken in a transaction, repeated ones counted, since each has a reply to the content (RFC 2033 §4.2): a further one gets 452 4.5.3
inline constexpr seconds kLmtpHold{20};  // that an LMTP listener holds its replies by default, A7: one attempt of a hook has 15 s (H2); our queue then

// Watching hooks
inline constexpr milliseconds kSyncCallDeadlineMin{10};  // a shorter setting is refused
inline constexpr seconds kRecentCallsSlot{10};  // of the recent calls, what is forgotten at a time
inline constexpr std::size_t kRecentCallsSlots = 6;  // slots kept: "recent" is the last minute
inline constexpr std::size_t kTailWatchersMax = 16;  // TailInvocations calls at a time: one more is refused
inline constexpr std::size_t kTailLinesMax = 256;  // that wait for one watcher: further ones are left out and counted
inline constexpr std::size_t kTailRecipientsMax = 3;  // named of those that get the same: further ones are counted
inline constexpr std::size_t kTailDetailOctetsMax = 300;  // of what was wrong: cut there

// Ready-made hooks (hooks/builtin)
inline constexpr std::size_t kBuiltinHooksMax = 100;  // in one file: refused
inline constexpr std::size_t kBuiltinPatternsMax = 100'000;  // in one list of them: refused
inline constexpr std::size_t kEditedMessageOctetsMax = 256U << 20U;  // of a mail whose body a ready-made hook edits or looks into: it counts as one that cannot be changed
inline constexpr std::size_t kEditingOctetsMax = 1U << 30U;  // of memory for such mail at a time, three times its octets each: the attempt fails, and comes again
inline constexpr std::size_t kBuiltinHeaderOctetsMax = 4U << 20U;  // of a header section that is looked at: the attempt fails
inline constexpr std::size_t kMailTextOctetsMax = 65'536;  // of a disclaimer's text or HTML, an attachment's note: refused
inline constexpr std::size_t kBounceTextOctetsMax = 4096;  // of a bounce message in the file; A3 cuts it to 1,024 characters: refused
inline constexpr int kStormMessagesMax = 10'000;  // that may be let through in one window: refused
inline constexpr int kStormMessagesDefault = 20;  // in one window
inline constexpr minutes kStormWindowDefault{1};
inline constexpr hours kStormWindowMax{24};  // refused
inline constexpr std::size_t kStormCallsMax = 100'000;  // of one storm brake that are remembered: the oldest is forgotten
inline constexpr std::size_t kStormRecipientsMax = 500'000;  // of all these together: the oldest call is forgotten
inline constexpr minutes kRepeatRemembered{255};  // of a call: the longest rule timeout (R10) and its last attempt; later it counts again
inline constexpr std::size_t kCounterCallsMax = 100'000;  // of one counter that are remembered: the oldest is forgotten, and counts again if it is repeated
inline constexpr std::size_t kCounterSeriesMax = 1'000;  // pairs of organization and rule that one counter tells apart: further mail is counted under "other"
inline constexpr std::size_t kFilterRulesMax = 100;  // of a header filter: refused
inline constexpr std::size_t kFilterPatternOctetsMax = 1'000;  // of a regular expression: refused
inline constexpr std::int64_t kFilterPatternMemory = 4 << 20;  // of RE2 for one, in octets: a pattern that needs more is refused, a search that does is slower
inline constexpr std::size_t kAttachmentListMax = 1'000;  // extensions or types: refused
inline constexpr std::uint64_t kSavedFolderOctetsDefault = 10ULL << 30U;  // of all copies of a hook: attempts fail
inline constexpr std::uint64_t kSavedFolderOctetsMin = 1U << 20U;  // refused
inline constexpr minutes kSavedSweepInterval{10};  // between two looks for copies that have been kept long enough
inline constexpr std::size_t kArchiveAddressesMax = 10;  // refused
inline constexpr std::size_t kStepsMax = 6;  // of one hook: with a bounce message each and the other four actions they make ten unique ones (H8): refused

// The engine within another program (engine/embed)
inline constexpr milliseconds kHookTurnMin{1000};  // that a call may wait for its turn (H13) however soon its caller wants to be back: no attempt then
inline constexpr seconds kDecidePatience{20};  // of one Decide or Resume by default, as of a held reply (A7): "try again" then
inline constexpr hours kDecidePatienceMax{5};  // no rule timeout is longer than 4 h (R10): refused
inline constexpr std::size_t kDecisionsMax = 10'000;  // that an embedded engine works on at a time: RESOURCE_EXHAUSTED
inline constexpr milliseconds kDecideAgain{1000};  // from a Decide whose hook had no turn for it to the time to try again
inline constexpr std::size_t kResumeTokenOctetsMax = 16U << 20U;  // 1,000 recipients with a bounce text each take 5 MiB: the fallback for who is undecided; of a token that comes back: refused
inline constexpr std::size_t kResumeKeyOctetsMin = 32;  // as many as SHA-256 gives (RFC 2104 §3): refused
inline constexpr hours kReplacedContentKept{24};  // that content which came with a hook's answer stays for whoever has the token, at least, and as M5 says otherwise: DATA_LOSS
inline constexpr minutes kOwnDeliveryDeadline{10};  // of a delivery by the embedding program, as RFC 5321 §4.5.3.2.6 gives the final reply: tried again
inline constexpr std::size_t kOwnDeliveriesMax = 100;  // of the embedding program that run at a time: others wait their turn
inline constexpr seconds kEngineStopDeadline{20};  // of an engine that is destroyed, longer than one call of a hook (H2): its threads stay until the process ends
inline constexpr std::size_t kEngineThreadsMax = 1024;  // that an embedder may ask for: refused
inline constexpr days kEngineExpiryMax{365};  // of mail that an embedder gives away (A8): refused
inline constexpr hours kEngineStopMax{24};  // of one wait for an engine's end: cut there
inline constexpr std::uint64_t kGivenContentOctetsMax = 1ULL << 32U;  // of octets that a C program hands in as one: refused, whatever its engine takes
inline constexpr std::size_t kLogLineOctetsMax = 4096;  // of a field in a line of the log for C: cut there

// DSN parameters (RFC 3461), XFORWARD, next hops
inline constexpr std::size_t kEnvelopeIdOctetsMax = 100;  // of ENVID's value, RFC 3461 §4.4: more is 501 5.5.4
inline constexpr std::size_t kOriginalRecipientOctetsMax = 500;  // of ORCPT's value, RFC 3461 §4.2: more is 501 5.5.4
inline constexpr std::size_t kDsnContentOctetsMax = 65'536;  // of a message that a DSN carries whole (RET=FULL), RFC 3461 §6.2: of a longer one the header section alone
inline constexpr std::size_t kForwardLineOctetsMax = 510;  // of XFORWARD to a next hop, RFC 5321 §4.5.3.1.4: more attributes go in the next
inline constexpr std::size_t kForwardedOctetsMax = 255;  // of an attribute of XFORWARD, as in Postfix: a longer one is 501 5.5.4
inline constexpr std::size_t kPasswordOctetsMax = 255;  // for AUTH at a next hop, RFC 4616 §2 names none: --check-config refuses
inline constexpr int kFallbackServersMax = 16;  // of a next hop: --check-config refuses
inline constexpr seconds kServerRest{30};  // of a server of several that cannot be reached: the others are taken first meanwhile
// clang-format on

}  // namespace penstock::limits
