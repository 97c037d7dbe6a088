// A hook that keeps a small house's mail policy: ../README.md has its rules, README.md how to run it.
import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import { HealthImplementation } from 'grpc-health-check';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import type { ProtoGrpcType } from './generated/hook.js'; // made of proto/; README.md says how
import type { ActionEntry } from './generated/penstock/v1/ActionEntry.js';
import type { Event__Output as Event } from './generated/penstock/v1/Event.js';
import type { HookServiceHandlers } from './generated/penstock/v1/HookService.js';

function decide(event: Event): { actions: ActionEntry[] } {
  const inbound = event.flowDirection === 'INBOUND';
  const subject = event.subject ?? '';
  const [, senderDomain] = split(event.envelope?.mailFrom?.address ?? '');
  let action: ActionEntry['action'] = { type: 'DEFAULT' };
  if (inbound && subject.startsWith('[SPAM]')) action = { type: 'MOVE_TO_JUNK' };
  else if (inbound && senderDomain === 'partner.example') action = { type: 'BYPASS_SPAM_CHECK' };
  else if (!inbound && subject.startsWith('[internal]')) action = bounce('Mail marked [internal] stays inside.');
  const copies = new Set<string>();
  const others: ActionEntry[] = [];
  for (const { address = '' } of event.envelope?.recipients ?? []) {
    const [localPart, domain] = split(address);
    if (localPart === 'closed') {
      others.push({ action: bounce(`This mailbox is closed. Write to help@${domain}`), recipients: [address] });
    } else if (localPart === 'noreply') {
      others.push({ action: { type: 'DROP' }, recipients: [address] });
    } else if (action.type === 'DEFAULT') {
      copies.add(`archive@${inbound ? domain : senderDomain}`);
    }
  }
  // The first entry is for whoever no other one names.
  return { actions: [{ action, allRecipients: true, recipients: [...copies] }, ...others] };
}

function bounce(bounceMessage: string): NonNullable<ActionEntry['action']> {
  return { type: 'BOUNCE', parameters: { bounceMessage } };
}

function split(address: string): [string, string] {
  const lower = address.toLowerCase();
  const at = lower.lastIndexOf('@');
  return [lower.slice(0, Math.max(at, 0)), lower.slice(at + 1)];
}

const { values: options } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:50051' },
    delay: { type: 'string', default: '0' }, // milliseconds of work for each answer, to try
    'tls-certificate': { type: 'string' }, // serve TLS with it and its key, and ask clients for a
    'tls-key': { type: 'string' }, //         certificate signed by the authority
    'tls-ca': { type: 'string' },
  },
});

const hook: HookServiceHandlers = {
  async Invoke(call, callback) {
    const { event, attempt } = call.request;
    console.log(`${event!.invocationId} attempt ${attempt}`);
    const ended = new AbortController(); // at the deadline, or when nobody waits any more
    call.on('cancelled', () => ended.abort());
    try {
      await sleep(Number(options.delay), undefined, { signal: ended.signal });
      callback(null, decide(event!));
    } catch (error) {
      if (ended.signal.aborted) console.log(`gave up ${event!.invocationId}`);
      callback(error as Error);
    }
  },
};

function credentials(): grpc.ServerCredentials {
  const { 'tls-certificate': certificate, 'tls-key': key, 'tls-ca': ca } = options;
  if (!certificate || !key || !ca) return grpc.ServerCredentials.createInsecure();
  const pair = { cert_chain: readFileSync(certificate), private_key: readFileSync(key) };
  return grpc.ServerCredentials.createSsl(readFileSync(ca), [pair], true);
}

const loaded = protoLoader.loadSync('penstock/v1/hook.proto', {
  includeDirs: [process.env.PENSTOCK_PROTO ?? '../../proto'], enums: String, longs: String });
const contract = grpc.loadPackageDefinition(loaded) as unknown as ProtoGrpcType;
const server = new grpc.Server();
server.addService(contract.penstock.v1.HookService.service, hook);
new HealthImplementation({ '': 'SERVING' }).addToServer(server);
server.bindAsync(options.listen!, credentials(), (error, port) => {
  if (error) throw error;
  console.log(`listening on ${options.listen!.replace(/:\d+$/, '')}:${port}`);
});
process.on('SIGTERM', () => {
  server.tryShutdown(() => process.exit(0)); // calls that run may finish
  setTimeout(() => process.exit(0), 15_000);
});
