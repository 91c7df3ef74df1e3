using Microsoft.CodeAnalysis;

namespace SemAim.Generators;

/// <summary>Compiles declared modules.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class ModuleGenerator : IIncrementalGenerator
{
    /// <inheritdoc />
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
    }
}
