// Node: protobufjs, which @grpc/proto-loader stands on, and protobuf-es.
// Arguments: descriptor set, folder, count of events, proto folder. Run where node_modules is.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// adapter
function workmailEvent(given) {
  return {
    summaryVersion: given.summaryVersion,
    envelope: {
      mailFrom: { address: given.envelope.mailFrom.address ?? '' },
      recipients: given.envelope.recipients ?? [],
    },
    truncated: given.truncated ?? false,
    sender: given.sender ?? null,
    subject: given.subject ?? null,
    messageId: given.messageId,
    invocationId: given.invocationId,
    flowDirection: given.flowDirection,
  };
}
// end

const [descriptors, folder, count, protos] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'x.js'));

const protobufjs = require('protobufjs');
const root = new protobufjs.Root();
root.resolvePath = (_, name) => (name.startsWith('google/protobuf/') ? name : join(protos, name));
root.loadSync('penstock/v1/hook.proto');
const event = root.lookupType('penstock.v1.Event');

const { createFileRegistry, fromBinary, toJson } = require('@bufbuild/protobuf');
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt');
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const schema = registry.getMessage('penstock.v1.Event');

const libraries = {
  'node-protobufjs': (octets) => event.decode(octets).toJSON(),
  'node-protobuf-es': (octets) => toJson(schema, fromBinary(schema, octets)),
};
for (let number = 0; number < Number(count); number += 1) {
  const octets = readFileSync(join(folder, `${number}.pb`));
  for (const [name, standard] of Object.entries(libraries)) {
    const given = standard(octets);
    writeFileSync(join(folder, `${number}.${name}.standard.json`), JSON.stringify(given));
    writeFileSync(join(folder, `${number}.${name}.adapted.json`), JSON.stringify(workmailEvent(given)));
  }
}
