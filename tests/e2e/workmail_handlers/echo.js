// Says what it was given, by returning it; `later` by a promise, `back` by a callback.
'use strict';

exports.handler = (event, context) => {
  if (event.subject === 'fail') throw new Error('not yet');
  const left = context.getRemainingTimeInMillis();
  const inTime = left > 0 && left <= 15500; // gRPC may round 15 s up
  const given = { event, id: context.awsRequestId, function: context.functionName, 'in time': inTime,
    'may read': Boolean(context.request.content?.mayRead) };
  return { actions: [{ allRecipients: true, action: {
    type: 'BOUNCE', parameters: { bounceMessage: JSON.stringify(given) } } }] };
};
exports.later = async (event, context) => exports.handler(event, context);
exports.back = (event, context, callback) => {
  exports.later(event, context).then((answer) => setTimeout(() => callback(null, answer), 1), callback);
};
