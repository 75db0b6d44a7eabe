package LLM::HTTP2;

# A raw HTTP/2 client with prior knowledge: a few streams on one connection,
# each of which can be reset in the middle.

use strict;
use warnings;

use IO::Select;
use Time::HiRes qw(time);

use LLM::HTTP qw(http_connect http_send);

use constant {
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, GOAWAY => 7,
    WINDOW_UPDATE => 8, END_STREAM => 1, END_HEADERS => 4, ACK => 1,
    WINDOW => 0x7fff0000, FRAME => 16384
};

sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}

sub new {
    my ($class, $port) = @_;

    my $self = bless { sock => http_connect($port), in => '', next => 1,
                       streams => {}, goaway => 0 }, $class;

    # windows that no test fills

    $self->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                . frame(SETTINGS, 0, 0, pack 'nN', 4, WINDOW)
                . frame(WINDOW_UPDATE, 0, 0, pack 'N', WINDOW));

    return $self;
}

sub send { return http_send($_[0]{sock}, $_[1]) }

# HPACK at its plainest: literals, no index, no Huffman

sub _string {
    my ($text) = @_;

    my $size = length $text;
    return chr($size) . $text if $size < 127;

    my $out = chr 127;
    $size -= 127;

    while ($size > 127) {
        $out .= chr(128 | $size & 127);
        $size >>= 7;
    }

    return $out . chr($size) . $text;
}

# Sends a request, returns its stream's number; `open`: it is not ended.

sub request {
    my ($self, $path, $body, $headers, %o) = @_;

    my $id = $self->{next};
    $self->{next} += 2;
    my %headers = %{ $headers // {} };
    my $block = join '', map { "\0" . _string($_->[0]) . _string($_->[1]) }
        [ ':method', 'POST' ], [ ':scheme', 'http' ], [ ':path', $path ],
        [ ':authority', 'gateway.test' ],
        map { [ lc $_, $headers{$_} ] } sort keys %headers;
    my $out = frame(HEADERS, END_HEADERS, $id, $block);

    while (length $body > FRAME) {
        $out .= frame(DATA, 0, $id, substr $body, 0, FRAME, '');
    }

    $self->{streams}{$id} = { status => 0, body => '' };
    $self->send($out . frame(DATA, $o{open} ? 0 : END_STREAM, $id, $body));

    return $id;
}

# Several GETs in one write, returns their streams' numbers.

sub get_all {
    my ($self, $headers, @paths) = @_;

    my ($out, @ids) = ('');

    for my $path (@paths) {
        my $id = $self->{next};
        $self->{next} += 2;
        $self->{streams}{$id} = { status => 0, body => '' };
        push @ids, $id;

        $out .= frame(HEADERS, END_HEADERS | END_STREAM, $id, join '',
            map { "\0" . _string($_->[0]) . _string($_->[1]) }
            [ ':method', 'GET' ], [ ':scheme', 'http' ], [ ':path', $path ],
            [ ':authority', 'gateway.test' ],
            map { [ lc $_, $headers->{$_} ] } sort keys %$headers);
    }

    $self->send($out);
    return @ids;
}

sub reset {
    my ($self, $id) = @_;

    return $self->send(frame(RST_STREAM, 0, $id, pack 'N', 8));
}

# the first header of nginx's is the status, raw

sub _status {
    my ($block) = @_;

    $block =~ s/^[\x20-\x3f]//;
    my %indexed = (0x88 => 200, 0x89 => 204, 0x8a => 206, 0x8b => 304,
                   0x8c => 400, 0x8d => 404, 0x8e => 500);
    my $first = ord $block;

    return $indexed{$first} // ($block =~ /^[\x08\x48]\x03(\d{3})/ ? $1 : 0);
}

sub _frame {
    my ($self) = @_;

    return 0 if length $self->{in} < 9;

    my $size = unpack 'N', "\0" . substr $self->{in}, 0, 3;
    return 0 if length $self->{in} < 9 + $size;

    my ($type, $flags, $id) = unpack 'x3 C C N', $self->{in};
    my $payload = substr substr($self->{in}, 0, 9 + $size, ''), 9;
    my $stream = $self->{streams}{$id} // {};

    $self->send(frame(SETTINGS, ACK, 0, ''))
        if $type == SETTINGS && !($flags & ACK);
    $self->{goaway} = 1 if $type == GOAWAY;
    $stream->{status} ||= _status($payload) if $type == HEADERS;
    $stream->{body} .= $payload if $type == DATA;
    $stream->{reset} = 1 if $type == RST_STREAM;
    $stream->{complete} = 1
        if ($type == DATA || $type == HEADERS) && $flags & END_STREAM;

    return 1;
}

# Reads until the check is true; whether it became so.

sub read_until {
    my ($self, $check, $timeout) = @_;

    my $end = time + ($timeout // 10);

    while (!$check->()) {
        next if $self->_frame;

        my $left = $end - time;
        return 0 if $left <= 0;
        next unless IO::Select->new($self->{sock})->can_read($left);

        my $n = sysread $self->{sock}, $self->{in}, 65536, length $self->{in};
        return 0 if defined $n && $n == 0;
    }

    return 1;
}

sub read_all {
    my ($self, $id, $timeout) = @_;

    my $stream = $self->{streams}{$id};
    $self->read_until(sub { $stream->{complete} || $stream->{reset} },
                      $timeout);
    return $stream;
}

sub read_some {
    my ($self, $id, $bytes) = @_;

    my $stream = $self->{streams}{$id};
    return $self->read_until(sub { length $stream->{body} >= $bytes });
}

sub close { return CORE::close($_[0]{sock}) }

1;
