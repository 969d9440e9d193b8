import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { Settings } from './settings.ts';

/** The dumps' bucket in another region: versions, a lock nobody lifts before its time, gone after `keepDays`. */
export class OffsiteStack extends Stack {
  constructor(scope: Construct, settings: Settings, props: StackProps) {
    super(scope, 'HushwireOffsite', props);
    const { bucket: bucketName, keepDays } = settings.dumps;
    new s3.Bucket(this, 'Dumps', {
      bucketName,
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      objectLockDefaultRetention: s3.ObjectLockRetention.compliance(Duration.days(keepDays)),
      lifecycleRules: [
        {
          expiration: Duration.days(keepDays + 1),
          noncurrentVersionExpiration: Duration.days(1),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}
