// Lets a long-running job decide: starts it under the invocation id, and fails until it has an answer.
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';

const jobs = new SFNClient();

export const handler = async (event) => {
  const stateMachineArn = process.env.STATE_MACHINE_ARN;
  const name = event.invocationId;
  try {
    await jobs.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(event) }));
  } catch (error) {
    if (error.name !== 'ExecutionAlreadyExists') throw error;
  }
  const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  const found = await jobs.send(new DescribeExecutionCommand({ executionArn }));
  if (found.status !== 'SUCCEEDED') throw new Error(`job ${name} has not ended`);
  return JSON.parse(found.output);
};
