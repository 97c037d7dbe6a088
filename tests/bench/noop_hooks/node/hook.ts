// A hook that does nothing.
import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';

import type { ProtoGrpcType } from './generated/hook.js';
import type { HookServiceHandlers } from './generated/penstock/v1/HookService.js';

const hook: HookServiceHandlers = {
  Invoke(_call, callback) {
    callback(null, { actions: [{ action: { type: 'DROP' }, allRecipients: true }] });
  },
};

const loaded = protoLoader.loadSync('penstock/v1/hook.proto', {
  includeDirs: ['../../proto'], enums: String, longs: String });
const contract = grpc.loadPackageDefinition(loaded) as unknown as ProtoGrpcType;
const server = new grpc.Server();
server.addService(contract.penstock.v1.HookService.service, hook);
const listen = process.argv[process.argv.indexOf('--listen') + 1]!;
server.bindAsync(listen, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
