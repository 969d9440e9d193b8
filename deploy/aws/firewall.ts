import * as waf from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';

/** Requests of one address in five minutes. A socket is one request, so this is a storm, or a very large office. */
const REQUESTS_PER_ADDRESS = 2_000;

/**
 * Refuses storms from one address and what is known to be an attack. Counts only: no sampled requests and no log, since
 * both would hold addresses of people.
 */
export function protect(
  scope: Construct,
  { balancerArn, apiHost }: { balancerArn: string; apiHost: string },
): void {
  const acl = new waf.CfnWebACL(scope, 'Firewall', {
    scope: 'REGIONAL',
    defaultAction: { allow: {} },
    visibilityConfig: counted('Firewall'),
    rules: [
      {
        name: 'PerAddress',
        priority: 1,
        action: { block: { customResponse: { responseCode: 429 } } },
        visibilityConfig: counted('PerAddress'),
        statement: {
          rateBasedStatement: {
            limit: REQUESTS_PER_ADDRESS,
            aggregateKeyType: 'IP',
            // The edge calls from few addresses, for everybody; the internal API asks for its signature.
            scopeDownStatement: { notStatement: { statement: hostIs(apiHost) } },
          },
        },
      },
      {
        name: 'KnownBadInputs',
        priority: 2,
        overrideAction: { none: {} },
        visibilityConfig: counted('KnownBadInputs'),
        statement: {
          managedRuleGroupStatement: { vendorName: 'AWS', name: 'AWSManagedRulesKnownBadInputsRuleSet' },
        },
      },
    ],
  });
  new waf.CfnWebACLAssociation(scope, 'FirewallOfBalancer', {
    resourceArn: balancerArn,
    webAclArn: acl.attrArn,
  });
}

function counted(metricName: string): waf.CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: false };
}

function hostIs(host: string): waf.CfnWebACL.StatementProperty {
  return {
    byteMatchStatement: {
      fieldToMatch: { singleHeader: { Name: 'host' } },
      positionalConstraint: 'EXACTLY',
      searchString: host,
      textTransformations: [{ priority: 0, type: 'LOWERCASE' }],
    },
  };
}
