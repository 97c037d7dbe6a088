// Serves a function written for WorkMail, as it is, as a hook. README.md beside it says how.
import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

function stop(fault) {
  console.error(fault);
  process.exit(1);
}

const { values, positionals } = parseArgs({
  options: { listen: { type: 'string', default: '127.0.0.1:50051' } }, allowPositionals: true });
const [, path, name] = /^(.*)\.(\w+)$/.exec(positionals[0])
  ?? stop('usage: node serve.mjs FILE.FUNCTION --listen HOST:PORT      such as index.handler');
const file = ['.js', '.mjs', '.cjs'].map((suffix) => resolve(path + suffix)).find(existsSync)
  ?? stop(`no file ${path}.js, .mjs or .cjs`);
const loaded = await import(pathToFileURL(file));
const handler = loaded[name] ?? loaded.default?.[name] ?? stop(`${file} has no function ${name}`);

// What a function asks its context; and `request`, with the right to the message's content.
function contextOf(call) {
  return {
    request: call.request, awsRequestId: call.request.event.invocationId, functionName: call.request.hook,
    getRemainingTimeInMillis: () => call.getDeadline() - Date.now() };
}

// Both forms of a function: one that returns its answer, soon or later, and one that calls back.
function run(event, context) {
  return new Promise((done, fail) => {
    const returned = handler(event, context, (error, answer) => (error ? fail(error) : done(answer)));
    if (handler.length < 3 || returned instanceof Promise) done(returned);
  });
}

async function invoke(call, callback) {
  try {
    if (!call.request.json.length) throw new Error('no JSON came; register the hook with --json');
    const answer = await run(JSON.parse(call.request.json), contextOf(call));
    callback(null, { json: Buffer.from(JSON.stringify(answer ?? null)) });
  } catch (error) {
    // This fails the attempt, and the function is asked again, as in WorkMail.
    console.error(error);
    callback({ code: grpc.status.UNKNOWN, details: String(error) });
  }
}

const contract = grpc.loadPackageDefinition(protoLoader.loadSync('penstock/v1/hook.proto', {
  includeDirs: [process.env.PENSTOCK_PROTO ?? '../../proto'], enums: String, longs: String }));
const server = new grpc.Server();
server.addService(contract.penstock.v1.HookService.service, { Invoke: invoke });
server.bindAsync(values.listen, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) stop(`cannot listen on ${values.listen}: ${error.message}`);
  console.log(`listening on ${values.listen.replace(/:\d+$/, '')}:${port}`);
});
process.on('uncaughtException', console.error); // of one call; the others go on
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
