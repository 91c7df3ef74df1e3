using System.Reflection;
using Xunit.Sdk;

namespace SemAim.Tests;

/// <summary>
/// Says which recorded files a test class or method holds this implementation to. A file of the golden folder that no attribute's pattern matches fails
/// <c>GoldenGuardTests</c>; when such a test runs, the files of its kinds are counted and printed after <c>dotnet test</c> (<see cref="GoldenReport"/>).
/// </summary>
/// <param name="pattern">file name below the golden folder with * for anything, written as a literal: the guard reads sources. Folders by a slash: <c>"transforms/*.json"</c></param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, AllowMultiple = true)]
internal sealed class GoldenKindAttribute(string pattern) : BeforeAfterTestAttribute
{
    /// <summary>The pattern.</summary>
    internal string Pattern => pattern;

    /// <inheritdoc />
    public override void Before(MethodInfo methodUnderTest) => GoldenReport.Ran(pattern, GoldenFolder.Files(pattern).Count());
}
