/** What `stack.json` says of a running stack. A pid is null while its part is not running, or is not one of ours. */
export type StackFile = {
  api_url: string;
  docs_url: string;
  api_key: string;
  tenant: string;
  database_url: string;
  temporal_address: string;
  temporal_namespace: string;
  temporal_ui_url: string | null;
  sandbox: SandboxAddresses | null;
  pids: Record<PartName, number | null>;
};

export type PartName = 'api' | 'worker' | 'temporal' | 'postgres' | 'sandbox';

/** A provider that the sandbox does not play is null. */
export type SandboxAddresses = {
  unipile_url: string;
  wasender_url: string | null;
  meta_url: string | null;
  control_url: string;
  whatsapp: {
    access_token: string | null;
    business_account_id: string | null;
    phone_number_id: string | null;
  };
};

/** The table of addresses that is printed when the stack is ready. */
export function addressTable(stack: StackFile, stackFile: string): string {
  const rows: [string, string | null | undefined][] = [
    ['API', stack.api_url],
    ['API docs', stack.docs_url],
    ['Temporal UI', stack.temporal_ui_url],
    ['Temporal', stack.temporal_address],
    ['Sandbox UniPile', stack.sandbox?.unipile_url],
    ['Sandbox WASender', stack.sandbox?.wasender_url],
    ['Sandbox control', stack.sandbox?.control_url],
    ['Keys, database', stackFile],
  ];
  const shown = rows.filter(([, address]) => address);
  return shown.map(([name, address]) => `  ${name.padEnd(16)} ${address}`).join('\n');
}
