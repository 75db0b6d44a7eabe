package LLM::Webhook;

# A receiver of webhooks (t/lib/webhook.py), and what it got.  Signatures are
# checked with Digest::SHA, not with what the module uses.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use LLM::Test;
use MIME::Base64 qw(decode_base64);
use Test::More;
use Time::HiRes qw(sleep);

sub new {
    my ($class, $t, $name, %o) = @_;

    my $self = bless { t => $t, name => $name, %o,
                       log => "$t->{prefix}/$name.log",
                       answers => "$t->{prefix}/$name.answers" }, $class;

    return $self->start;
}

sub start {
    my ($self) = @_;

    my $t = $self->{t};
    my $out = "$t->{prefix}/logs/$self->{name}.out";

    $t->spawn($self->{name}, $out, $LLM::Test::python,
              "$LLM::Test::root/t/lib/webhook.py", $self->{log},
              $self->{answers}, $self->{certificate} // '',
              $self->{port} // 0);

    $self->{port} = wait_for(sub {
        LLM::Test::slurp($out) =~ /^(\d+)\n/ ? $1 : 0 }, 15)
        or BAIL_OUT("the receiver $self->{name} does not start");

    return $self;
}

sub stop { return $_[0]{t}->end($_[0]{name}, 'KILL', 5) }

sub url {
    my ($self, $path) = @_;

    return ($self->{certificate} ? 'https' : 'http')
        . "://127.0.0.1:$self->{port}" . ($path // '/hook');
}

# What it is to answer: statuses, or hashes; the last one stays.

sub answers {
    my ($self, @answers) = @_;

    $self->{t}->file("$self->{name}.answers", json_encode([
        map { ref $_ ? $_ : { status => $_ } } @answers ]));

    return;
}

sub all {
    my ($self) = @_;

    return map {
        my $call = json_decode($_);
        $call->{body} = decode_base64($call->{body});
        $call->{json} = json_decode($call->{body});
        $call;
    } split /\n/, LLM::Test::slurp($self->{log});
}

# Those since the last time, as soon as there are n of them; none, when none
# came for a while.

sub got {
    my ($self, $n, %o) = @_;

    my $seen = $self->{seen} // 0;

    wait_for(sub { $self->all >= $seen + $n }, $o{timeout} // 15);
    sleep($n ? 0.2 : 1.5);

    my @all = $self->all;
    $self->{seen} = @all;

    my @new = @all[$seen .. $#all];
    return @new;
}

sub signed {
    my ($call, $secret) = @_;

    my ($time, $mac) = ($call->{headers}{'x-llm-signature'} // '')
        =~ /\At=(\d+),v1=([0-9a-f]{64})\z/ or return 0;

    return $mac eq hmac_sha256_hex("$time.$call->{body}", $secret);
}

1;
