"""Modules that come with Perl 5.36 (Module::CoreList); large families are named by their first part."""

_FAMILIES = (
    "CPAN::",
    "ExtUtils::",
    "TAP::",
    "Test2::",
    "Unicode::Collate::",
    "VMS::",
    "Win32",
    "unicore::",
)
_NAMES = """\
AnyDBM_File App::Cpan App::Prove App::Prove::State App::Prove::State::Result App::Prove::State::Result::Test
Archive::Tar Archive::Tar::Constant Archive::Tar::File Attribute::Handlers AutoLoader AutoSplit B B::Concise
B::Deparse B::Op_private B::Showlex B::Terse B::Xref Benchmark CPAN Carp Carp::Heavy Class::Struct
Compress::Raw::Bzip2 Compress::Raw::Zlib Compress::Zlib Config Config::Extensions Config::Perl::V Cwd DB
DBM_Filter DBM_Filter::compress DBM_Filter::encode DBM_Filter::int32 DBM_Filter::null DBM_Filter::utf8 DB_File
Data::Dumper Devel::PPPort Devel::Peek Devel::SelfStubber Digest Digest::MD5 Digest::SHA Digest::base
Digest::file DirHandle Dumpvalue DynaLoader Encode Encode::Alias Encode::Byte Encode::CJKConstants Encode::CN
Encode::CN::HZ Encode::Config Encode::EBCDIC Encode::Encoder Encode::Encoding Encode::GSM0338 Encode::Guess
Encode::JP Encode::JP::H2Z Encode::JP::JIS7 Encode::KR Encode::KR::2022_KR Encode::MIME::Header
Encode::MIME::Header::ISO_2022_JP Encode::MIME::Name Encode::Symbol Encode::TW Encode::Unicode
Encode::Unicode::UTF7 English Env Errno Exporter Exporter::Heavy Fatal Fcntl File::Basename File::Compare
File::Copy File::DosGlob File::Fetch File::Find File::Glob File::GlobMapper File::Path File::Spec
File::Spec::AmigaOS File::Spec::Cygwin File::Spec::Epoc File::Spec::Functions File::Spec::Mac File::Spec::OS2
File::Spec::Unix File::Spec::VMS File::Spec::Win32 File::Temp File::stat FileCache FileHandle Filter::Simple
Filter::Util::Call FindBin GDBM_File Getopt::Long Getopt::Std HTTP::Tiny Hash::Util Hash::Util::FieldHash
I18N::Collate I18N::LangTags I18N::LangTags::Detect I18N::LangTags::List I18N::Langinfo IO
IO::Compress::Adapter::Bzip2 IO::Compress::Adapter::Deflate IO::Compress::Adapter::Identity IO::Compress::Base
IO::Compress::Base::Common IO::Compress::Bzip2 IO::Compress::Deflate IO::Compress::Gzip
IO::Compress::Gzip::Constants IO::Compress::RawDeflate IO::Compress::Zip IO::Compress::Zip::Constants
IO::Compress::Zlib::Constants IO::Compress::Zlib::Extra IO::Dir IO::File IO::Handle IO::Pipe IO::Poll
IO::Seekable IO::Select IO::Socket IO::Socket::INET IO::Socket::IP IO::Socket::UNIX
IO::Uncompress::Adapter::Bunzip2 IO::Uncompress::Adapter::Identity IO::Uncompress::Adapter::Inflate
IO::Uncompress::AnyInflate IO::Uncompress::AnyUncompress IO::Uncompress::Base IO::Uncompress::Bunzip2
IO::Uncompress::Gunzip IO::Uncompress::Inflate IO::Uncompress::RawInflate IO::Uncompress::Unzip IO::Zlib
IPC::Cmd IPC::Msg IPC::Open2 IPC::Open3 IPC::Semaphore IPC::SharedMem IPC::SysV JSON::PP JSON::PP::Boolean
List::Util List::Util::XS Locale::Maketext Locale::Maketext::Guts Locale::Maketext::GutsLoader
Locale::Maketext::Simple MIME::Base64 MIME::QuotedPrint Math::BigFloat Math::BigFloat::Trace Math::BigInt
Math::BigInt::Calc Math::BigInt::FastCalc Math::BigInt::Lib Math::BigInt::Trace Math::BigRat
Math::BigRat::Trace Math::Complex Math::Trig Memoize Memoize::AnyDBM_File Memoize::Expire Memoize::ExpireFile
Memoize::ExpireTest Memoize::NDBM_File Memoize::SDBM_File Memoize::Storable Module::CoreList
Module::CoreList::Utils Module::Load Module::Load::Conditional Module::Loaded Module::Metadata NDBM_File NEXT
Net::Cmd Net::Config Net::Domain Net::FTP Net::FTP::A Net::FTP::E Net::FTP::I Net::FTP::L Net::FTP::dataconn
Net::NNTP Net::Netrc Net::POP3 Net::Ping Net::SMTP Net::Time Net::hostent Net::netent Net::protoent
Net::servent O ODBM_File Opcode POSIX Params::Check Parse::CPAN::Meta Perl::OSType PerlIO PerlIO::encoding
PerlIO::mmap PerlIO::scalar PerlIO::via PerlIO::via::QuotedPrint Pod::Checker Pod::Escapes Pod::Functions
Pod::Functions::Functions Pod::Html Pod::Html::Util Pod::Man Pod::ParseLink Pod::Perldoc Pod::Perldoc::BaseTo
Pod::Perldoc::GetOptsOO Pod::Perldoc::ToANSI Pod::Perldoc::ToChecker Pod::Perldoc::ToMan Pod::Perldoc::ToNroff
Pod::Perldoc::ToPod Pod::Perldoc::ToRtf Pod::Perldoc::ToTerm Pod::Perldoc::ToText Pod::Perldoc::ToTk
Pod::Perldoc::ToXml Pod::Simple Pod::Simple::BlackBox Pod::Simple::Checker Pod::Simple::Debug
Pod::Simple::DumpAsText Pod::Simple::DumpAsXML Pod::Simple::HTML Pod::Simple::HTMLBatch
Pod::Simple::HTMLLegacy Pod::Simple::JustPod Pod::Simple::LinkSection Pod::Simple::Methody
Pod::Simple::Progress Pod::Simple::PullParser Pod::Simple::PullParserEndToken
Pod::Simple::PullParserStartToken Pod::Simple::PullParserTextToken Pod::Simple::PullParserToken
Pod::Simple::RTF Pod::Simple::Search Pod::Simple::SimpleTree Pod::Simple::Text Pod::Simple::TextContent
Pod::Simple::TiedOutFH Pod::Simple::Transcode Pod::Simple::TranscodeDumb Pod::Simple::TranscodeSmart
Pod::Simple::XHTML Pod::Simple::XMLOutStream Pod::Text Pod::Text::Color Pod::Text::Overstrike
Pod::Text::Termcap Pod::Usage SDBM_File Safe Scalar::Util Search::Dict SelectSaver SelfLoader Socket Storable
Sub::Util Symbol Sys::Hostname Sys::Syslog Sys::Syslog::Win32 Term::ANSIColor Term::Cap Term::Complete
Term::ReadLine Test Test2 Test::Builder Test::Builder::Formatter Test::Builder::IO::Scalar
Test::Builder::Module Test::Builder::Tester Test::Builder::Tester::Color Test::Builder::TodoDiag Test::Harness
Test::More Test::Simple Test::Tester Test::Tester::Capture Test::Tester::CaptureRunner Test::Tester::Delegate
Test::use::ok Text::Abbrev Text::Balanced Text::ParseWords Text::Tabs Text::Wrap Thread Thread::Queue
Thread::Semaphore Tie::Array Tie::File Tie::Handle Tie::Hash Tie::Hash::NamedCapture Tie::Memoize Tie::RefHash
Tie::Scalar Tie::StdHandle Tie::SubstrHash Time::HiRes Time::Local Time::Piece Time::Seconds Time::gmtime
Time::localtime Time::tm UNIVERSAL Unicode Unicode::Collate Unicode::Normalize Unicode::UCD User::grent
User::pwent XS::APItest XS::Typemap XSLoader _charnames attributes autodie autodie::Scope::Guard
autodie::Scope::GuardStack autodie::Util autodie::exception autodie::exception::system autodie::hints
autodie::skip autouse base bigfloat bigint bignum bigrat blib builtin bytes charnames constant deprecate
diagnostics encoding encoding::warnings experimental feature fields filetest if integer less lib locale
meta_notation mro ok open ops overload overload::numbers overloading parent re sigtrap sort strict subs
threads threads::shared utf8 vars version version::regex vmsish warnings warnings::register
"""
_CORE = frozenset(_NAMES.split())


def is_core(module: str) -> bool:
    """Whether a module needs no installation: it is Perl's own or a pragma."""
    return module in _CORE or module.startswith(_FAMILIES) or module in ("perl", "v5")
