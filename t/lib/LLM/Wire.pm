package LLM::Wire;

# What the tests read and write beside HTTP: event stream frames, server-sent
# events, SigV4 signatures.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use Exporter qw(import);
use MIME::Base64 qw(decode_base64);
use POSIX qw(strftime);

use LLM::HTTP qw(json_decode);

our @EXPORT_OK = qw(frames chunks sse_events sign_v4 crc32);

my @crc_table = map {
    my $c = $_;
    $c = $c & 1 ? 0xEDB88320 ^ ($c >> 1) : $c >> 1 for 1 .. 8;
    $c;
} 0 .. 255;

sub crc32 {
    my $crc = 0xFFFFFFFF;

    $crc = $crc_table[($crc ^ $_) & 0xFF] ^ ($crc >> 8)
        for unpack 'C*', $_[0];

    return $crc ^ 0xFFFFFFFF;
}

# The frames of an event stream: { headers, payload, json }, and { broken }
# last where it does not decode.

sub frames {
    my ($data) = @_;
    my @frames;

    while (length $data) {
        return (@frames, { broken => 'prelude' }) if length $data < 16;

        my ($total, $hlen, $crc) = unpack 'NNN', $data;

        return (@frames, { broken => 'prelude crc' })
            if crc32(substr $data, 0, 8) != $crc;
        return (@frames, { broken => 'truncated' }) if length $data < $total;

        my $frame = substr $data, 0, $total, '';

        return (@frames, { broken => 'message crc' })
            if crc32(substr $frame, 0, -4) != unpack 'N', substr $frame, -4;

        my $block = substr $frame, 12, $hlen;
        my $payload = substr $frame, 12 + $hlen, $total - $hlen - 16;
        my %headers;

        while (length $block) {
            my ($name, $type, $value) = unpack 'C/a C n/a', $block;
            $headers{$name} = $value;
            substr $block, 0, 4 + length($name) + length($value), '';
        }

        push @frames, { headers => \%headers, payload => $payload,
                        json => json_decode($payload) };
    }

    return @frames;
}

# The JSON in the chunks of an InvokeModel stream.

sub chunks {
    return map { json_decode(decode_base64($_->{json}{bytes})) }
           grep { ref $_->{json} && defined $_->{json}{bytes} } frames($_[0]);
}

sub sse_events {
    my ($text) = @_;
    my @events;

    for my $block (split /\n\n/, $text) {
        my %event;

        for (split /\n/, $block) {
            $event{$1} = $2 if /^(event|data): ?(.*)/;
        }

        $event{json} = json_decode($event{data}) if defined $event{data};
        push @events, \%event if %event;
    }

    return @events;
}

sub _encode {
    my ($text, $safe) = @_;

    $text =~ s/([^A-Za-z0-9\-._~$safe])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

# Headers to send so that the request is signed; %o: method, path (as on the
# wire), host, body, key, secret, token, region, service, time, headers.

sub sign_v4 {
    my (%o) = @_;

    my $date = strftime '%Y%m%dT%H%M%SZ', gmtime($o{time} // time);
    my $day = substr $date, 0, 8;
    my %headers = (%{ $o{headers} // {} }, Host => $o{host},
                   'X-Amz-Date' => $date);
    $headers{'X-Amz-Security-Token'} = $o{token} if defined $o{token};

    my %lower = map { (lc $_ => $headers{$_}) } keys %headers;
    my $names = join ';', sort keys %lower;
    my ($path, $query) = split /\?/, $o{path}, 2;
    my $canonical = join "\n", $o{method} // 'POST', _encode($path, '/'),
        $query // '', (map { "$_:$lower{$_}" } sort keys %lower), '', $names,
        sha256_hex($o{body} // '');
    my $scope = join '/', $day, $o{region} // 'us-east-1',
        $o{service} // 'bedrock', 'aws4_request';
    my $key = "AWS4$o{secret}";

    $key = hmac_sha256($_, $key) for split m{/}, $scope;

    my $signature = hmac_sha256_hex(
        join("\n", 'AWS4-HMAC-SHA256', $date, $scope, sha256_hex($canonical)),
        $key);

    $headers{Authorization} = "AWS4-HMAC-SHA256 Credential=$o{key}/$scope, "
        . "SignedHeaders=$names, Signature=$signature";

    return \%headers;
}

1;
