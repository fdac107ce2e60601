"""The base of Ruby tools: Debian's Ruby, a compiler for extensions, and a program that installs gems."""

from builder_service.base_recipes.recipe import USER, Recipe

_GEMS = r"""
install -d -o 65532 -g 65532 /opt/gems
cat > /usr/local/bin/toolyard-gems <<'END'
#!/usr/bin/ruby
# Usage: toolyard-gems install|check|register …
# install NAME:REQUIREMENT…  from the gem source into /opt/gems; where it does not answer, Debian's packages serve
# check NAME:REQUIREMENT…    fails with the names of those that are nowhere
# register FILE.gemspec      lets RubyGems know /app as the installed gem
require 'fileutils'
require 'socket'
require 'uri'
HOME = '/opt/gems'
ENV['GEM_HOME'] = HOME
Gem.clear_paths

def answers?(address)
  proxy = ENV['https_proxy'].to_s
  uri = URI(proxy.empty? ? address : proxy)
  Socket.tcp(uri.host, uri.port, connect_timeout: 5) { true }
rescue SystemCallError, SocketError
  false
end

def split(text)
  name, wanted = text.split(':', 2)
  [name, (wanted || '>= 0').split(',').map(&:strip)]
end

def present?(text)
  name, wanted = split(text)
  requirement = Gem::Requirement.new(wanted)
  Gem::Specification.stubs_for(name).any? { |found| requirement.satisfied_by?(found.version) }
end

# One call for those with a single condition, which is all that NAME:REQUIREMENT can say.
def gem_install(gems, options)
  several, single = gems.partition { |text| text.include?(',') }
  return false unless single.empty? || system('gem', 'install', *options, *single)
  several.all? do |text|
    name, wanted = split(text)
    system('gem', 'install', *options, name, '--version', wanted.join(', '))
  end
end

def install(gems)
  source = ENV['TOOLYARD_GEM_SOURCE'] || Gem.sources.first.uri.to_s
  options = ['--no-document', '--install-dir', HOME, '--bindir', "#{HOME}/bin", '--conservative', '--minimal-deps',
             '--clear-sources', '--source', source]
  if !answers?(source)
    puts 'the gem source does not answer: Debian’s packages are used'
  elsif gems.all? { |gem| present?(gem) } || gem_install(gems, options)
    FileUtils.touch("#{HOME}/complete")
  else
    puts 'the gem source did not have everything: Debian’s packages are used'
  end
end

def loadable?(name)
  [name, name.tr('-', '/')].any? { |path| $LOAD_PATH.resolve_feature_path(path) }
rescue LoadError
  false
end

def check(gems)
  missing = gems.reject do |text|
    name, wanted = split(text)
    found = Gem::Specification.stubs_for(name).map(&:version)
    if !found.empty? && !present?(text)
      puts "#{name} #{found.max} is used, although #{wanted.join(', ')} is asked for"
    end
    !found.empty? || loadable?(name)
  end
  return if missing.empty?
  abort "error: the gem source does not answer or does not have these gems, and neither does Debian: #{missing.join(', ')}"
end

def register(path)
  spec = Dir.chdir(File.dirname(path)) { Gem::Specification.load(File.basename(path)) }
  abort "error: #{path} cannot be read" if spec.nil?
  spec.dependencies.clear
  spec.required_ruby_version = '>= 0'
  FileUtils.mkdir_p(["#{HOME}/gems", "#{HOME}/specifications"])
  FileUtils.ln_sf(File.dirname(File.expand_path(path)), "#{HOME}/gems/#{spec.full_name}")
  File.write("#{HOME}/specifications/#{spec.full_name}.gemspec", spec.to_ruby)
  File.write("#{HOME}/activate.rb", "gem #{spec.name.inspect}\n")
end

case ARGV.shift
when 'install' then install(ARGV)
when 'check' then check(ARGV)
when 'register' then register(ARGV.first)
end
END
chmod 755 /usr/local/bin/toolyard-gems
"""

RECIPES = {
    "ruby": Recipe(
        "debian",
        ("ca-certificates", "ruby", "ruby-dev", "gcc", "libc6-dev", "make"),
        USER + _GEMS,
    ),
}  # fmt: skip
